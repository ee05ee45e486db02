using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>
/// UAA's <c>user_token</c>: who holds a user's token with <c>uaa.user</c> gets a refresh token for another client, which that
/// client alone can use.
/// </summary>
internal sealed class UserTokenGrant(KnownClients clients, ScopePolicy scopes) : IGrant
{
    public string GrantType => "user_token";

    public string? BearerScope => "uaa.user";

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Caller is not { User: { } user } caller) return OAuthError.Unauthorized("A user token is required", "not a user's token");
        // Revoked, it would leave behind what it has made.
        if (caller.IsApiToken) return OAuthError.AccessDenied("An API token cannot begin a sign-in");
        if (caller.Claims.TryGetProperty("act", out _)) return OAuthError.AccessDenied("Who acts for another cannot begin a sign-in");
        if (request.Form["client_id"] is not { } receiverId) return OAuthError.InvalidRequest("Missing parameter: client_id");
        var receiver = await clients.FindAsync(client.Client.ZoneId, receiverId, cancellationToken);
        if (receiver is not { Enabled: true } || !receiver.GrantTypes.Contains("refresh_token", StringComparer.Ordinal))
            return OAuthError.InvalidClient("Unauthorized grant type");

        var asked = request.Scopes;
        if (!HasSecret(receiver))
        {
            // Anyone can play this client, the caller too: it gets no more than the token that was shown.
            if (asked.FirstOrDefault(scope => !caller.Scopes.Contains(scope, StringComparer.Ordinal)) is { } wider)
                return OAuthError.InvalidScope($"{wider} is invalid. Please use a valid scope name in the request", Words.Join(caller.Scopes));
            if (asked.Count == 0) asked = await scopes.StillHeldAsync(receiver, user, caller.Scopes, cancellationToken);
            if (asked.Count == 0) return OAuthError.InvalidScope($"[{Words.Join(caller.Scopes)}] is invalid. This user is not allowed any of the requested scopes");
        }
        var granted = await scopes.ForUserAsync(receiver, user, asked, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        return new Authorization
        {
            Client = new AuthenticatedClient(receiver, null),
            User = user,
            Scopes = granted.Value,
            Resources = request.Resources,
            GrantType = GrantType,
            AuthTime = TokenClaims.Time(caller.Claims, "auth_time"),
            SessionId = TokenClaims.Text(caller.Claims, "sid"),
            Details = new SignInDetails { Amr = TokenClaims.Texts(caller.Claims, "amr"), Acr = TokenClaims.Text(caller.Claims, "acr"), Public = !HasSecret(receiver) },
            WithoutAccessToken = true,
        };
    }

    private static bool HasSecret(Client client) =>
        !client.AllowPublic && client.SecretHash != ClientSecret.Empty
        && (client.SecretHash is not null || client.Metadata.Jwks is not null || client.Metadata.JwksUri is not null
            || client.Metadata.TokenEndpointAuthMethod is "tls_client_auth" or "self_signed_tls_client_auth");
}
