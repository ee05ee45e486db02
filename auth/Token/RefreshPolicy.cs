using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token.Trust;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token;

/// <summary>What is asked again at each refresh (T-10): nothing that was true at the sign-in is taken for granted.</summary>
internal sealed class RefreshPolicy(
    IUsers users, IssuancePolicy policy, IApprovals approvals, TrustedIssuers trust, RevocationState revocations, Current<TokenOptions> options)
{
    /// <summary>One text for every dead token: its holder does not learn why.</summary>
    public static OAuthError Dead(string detail) =>
        OAuthError.InvalidToken("The token expired, was revoked, or the token ID is incorrect.", detail);

    /// <summary>Why this caller may not use the token although its client may; null when it may.</summary>
    public static OAuthError? Holder(AuthenticatedClient client, RefreshFamily family) =>
        // What was given to a client that proved who it is cannot be used by somebody who only knows its name (uaa.md §1.1).
        RefreshFamilies.IsPublic(client) && !family.Details.Public ? OAuthError.InvalidClient("Full authentication is required to access this resource") : null;

    /// <summary>The user as it is now; or why nothing is renewed.</summary>
    public async Task<Result<User, OAuthError>> CheckAsync(Client client, RefreshFamily family, CancellationToken cancellationToken)
    {
        var user = await users.FindAsync(family.ZoneId, family.UserId, cancellationToken);
        if (user is not { Active: true, Verified: true }) return Dead("user gone or not active");
        if (RevocationSignature.Of(client, user) != family.RevSig) return OAuthError.InvalidToken("revocable signature mismatch");
        if (family.CreatedAt.ToUnixTimeSeconds() < revocations.EarliestIssue(family.ZoneId, client.Id, user.Id)) return Dead("begun before a not-before");
        if (family.Details.TrustedIssuer is { } issuer && !trust.IsTrusted(issuer, client)) return Dead("the issuer of the assertion is not trusted any more");
        if (options.Value.RefreshNeedsOfflineToken && family.GrantType != "user_token" && !family.Scopes.Contains("uaa.offline_token", StringComparer.Ordinal))
            return Dead("begun without uaa.offline_token");
        return await policy.CheckAsync(client, user, cancellationToken) is { } refusal ? refusal : user;
    }

    /// <summary>
    /// The refusal of scopes that the user does not approve any more. Where nobody was asked, at a password, a device's page or a
    /// client's registration, nothing can have been taken back; a withdrawal itself ends the family at once.
    /// </summary>
    public async Task<OAuthError?> UnapprovedAsync(Client client, RefreshFamily family, User user, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        if (family.GrantType != "authorization_code" || family.SessionId is null) return null;
        var decisions = await approvals.DecisionsAsync(user, client, scopes, cancellationToken);
        string[] missing = [.. decisions.Denied, .. decisions.Undecided];
        return missing.Length == 0 ? null : OAuthError.InvalidToken($"Invalid token (some requested scopes are not approved): [{Words.Join(missing)}]");
    }
}
