using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>
/// Whether this client may have a token for this user at this moment: one rule for every grant, for refresh, exchange,
/// authorization and inspection, so that none of them forgets what another one asks (V-035).
/// </summary>
internal sealed class IssuancePolicy(UserGroups groups, ISignInFailures failures, Current<UsersOptions> users, TimeProvider time)
{
    /// <summary>Why not; null when it may.</summary>
    /// <param name="client">The client as registered now.</param>
    /// <param name="user">The user as stored now; null for a client in its own name.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<OAuthError?> CheckAsync(Client client, User? user, CancellationToken cancellationToken)
    {
        if (!client.Enabled) return OAuthError.BadCredentials("client disabled");
        if (user is null) return null;
        if (user.ZoneId != client.ZoneId) return OAuthError.BadCredentials("user of another zone");
        if (!user.Active) return OAuthError.Unauthorized("User account is not active", "user not active");
        if (user.PasswordChangeRequired) return OAuthError.Unauthorized("password change required");
        if (!user.Verified) return OAuthError.AccessDenied("Account not verified");
        if (client.Metadata.AllowedProviders is { } origins && !origins.Contains(user.Origin, StringComparer.Ordinal))
            return new OAuthError(401, "unauthorized_client", "Client is not authorized for specified user's identity provider.");
        if (client.Metadata.RequiredUserGroups is { Count: > 0 } required)
        {
            var held = await groups.OfAsync(user, cancellationToken);
            if (!required.All(held.Contains)) return new OAuthError(400, "invalid_scope", "User does not meet the client's required group criteria.");
        }
        return null;
    }

    /// <summary>
    /// Refuses a user whose name is locked after failed sign-ins. Asked where an earlier approval is redeemed (V-056); a live
    /// sign-in is not ended by guesses of strangers.
    /// </summary>
    public async Task<OAuthError?> CheckLockAsync(User user, CancellationToken cancellationToken) =>
        await failures.IsLockedAsync(user.ZoneId, PasswordSignIn.NameHash(user.UserName), users.Value.Lockout, time.GetUtcNow(), cancellationToken)
            ? OAuthError.Locked() : null;
}
