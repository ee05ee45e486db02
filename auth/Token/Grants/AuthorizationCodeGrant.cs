using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>Exchanges a code (RFC 6749 §4.1.3): once, by the client it was given to, with the verifier of its challenge.</summary>
internal sealed partial class AuthorizationCodeGrant(
    IAuthorizationCodes codes, IUsers users, ScopePolicy scopes, ISessions sessions, RevocationState revocations, Current<TokenOptions> options, IAudit audit, TimeProvider time,
    ILogger<AuthorizationCodeGrant> logger) : IGrant
{
    private const int MostFailures = 3;
    private const int Length = 43;

    public string GrantType => "authorization_code";

    public bool AllowsPublicClients => true;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["code"] is not { } shown) return OAuthError.InvalidRequest("Missing parameter: code");
        if (shown.Length != Length || !shown.All(char.IsAscii)) return Invalid("malformed");
        var hash = BrowserCookie.Hash(shown);
        if (await codes.FindAsync(hash, cancellationToken) is not { } code) return Invalid("unknown");

        // 1. Whose it is, before anything is spent or ended: another client's attempt changes nothing.
        if (code.ClientId != client.Client.Id || code.ZoneId != client.Client.ZoneId)
        {
            Log.Foreign(logger, client.Client.Id, code.ClientId);
            return OAuthError.InvalidClient("Client ID mismatch");
        }
        if (code.Consumed) return await ReusedAsync(hash, code, request, cancellationToken);
        var now = time.GetUtcNow();
        if (code.ExpiresAt <= now) return OAuthError.InvalidGrant("Authorization code expired");

        // 2. It belongs to this very request: address, verifier, key.
        if (code.RedirectUri is not null && request.Form["redirect_uri"] != code.RedirectUri) return OAuthError.InvalidGrant("Redirect URI mismatch.");
        if (code.DpopJkt is { } jkt && request.Confirmation?.Jkt != jkt) return OAuthError.InvalidDpopProof("The code is bound to another key");
        // What a public client shows besides its name is the verifier.
        if (client.Way == "none" && code.CodeChallenge is null) return OAuthError.InvalidGrant("A public client needs PKCE");
        if (Verifier(code, request.Form["code_verifier"], client.Client) is { } wrong)
        {
            await codes.CountFailureAsync(hash, MostFailures, now, cancellationToken);
            return wrong;
        }

        // 3. What was true at the sign-in still is (T-10).
        var user = await users.FindAsync(code.ZoneId, code.UserId, cancellationToken);
        if (user is not { Active: true, Verified: true }) return Invalid("user gone or not active");
        if (RevocationSignature.Of(client.Client, user) != code.RevSig) return Invalid("revocable signature mismatch");
        if (code.CreatedAt.ToUnixTimeSeconds() < revocations.EarliestIssue(code.ZoneId, code.ClientId, code.UserId)) return Invalid("issued before a not-before");
        if (code.SessionId is { } session && !await sessions.IsLiveAsync(session, cancellationToken)) return Invalid("the session has ended");
        var held = await scopes.StillHeldAsync(client.Client, user, code.Scopes, cancellationToken);
        if (held.Count == 0) return Invalid("no scope is left");
        if (request.Resources.Any(resource => code.Resources.Count > 0 && !code.Resources.Contains(resource, StringComparer.Ordinal)))
            return OAuthError.InvalidTarget("A resource must be one of those the authorization was for");

        // 4. Spent last and at once: of all who come this far together one goes on (T-01).
        if (!await codes.TryConsumeAsync(hash, now, cancellationToken)) return await ReusedAsync(hash, code, request, cancellationToken);
        return new Authorization
        {
            Client = client,
            User = user,
            Scopes = held,
            Resources = request.Resources.Count > 0 ? request.Resources : code.Resources,
            GrantedResources = code.Resources,
            GrantType = GrantType,
            AuthTime = code.AuthTime,
            GrantId = code.GrantId,
            SessionId = code.SessionId,
            Nonce = code.Nonce,
            Details = code.Details,
        };
    }

    // The grammar first (RFC 7636 §4.1): nothing else is hashed.
    private OAuthError? Verifier(AuthorizationCode code, string? verifier, Client client)
    {
        if (verifier is not null && !Pkce.IsWellFormed(verifier))
            return client.Wire == "rfc" ? OAuthError.InvalidGrant("Invalid code verifier") : OAuthError.InvalidRequest("Invalid code verifier");
        if (code.CodeChallenge is null)
        {
            // A verifier without a challenge: somebody took the challenge out of the request (RFC 9700 §2.1.1).
            if (verifier is not null) return OAuthError.InvalidGrant("PKCE error: Code verifier not required for this authorization code.");
            // What the client must do now counts, not what it had to do when it asked.
            return Pkce.IsRequired(client, options.Value) ? OAuthError.InvalidGrant("PKCE error: The authorization request had no code challenge.") : null;
        }
        if (verifier is null) return OAuthError.InvalidGrant("PKCE error: Code verifier must be provided for this authorization code.");
        return Pkce.Verify(verifier, code.CodeChallenge) ? null : OAuthError.InvalidGrant("Invalid code verifier");
    }

    private async Task<OAuthError> ReusedAsync(string hash, AuthorizationCode code, TokenRequest request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var revocation = new RevocationEvent
        {
            Kind = RevocationKind.Grant,
            Subject = code.GrantId,
            ZoneId = code.ZoneId,
            ExpiresAt = now + TokenOptions.LongestAccess,
            Because = "authorization code reuse",
        };
        if (await codes.EndReusedAsync(hash, revocation, now, cancellationToken))
        {
            Log.Reused(logger, code.GrantId, code.ClientId, code.UserId);
            audit.Record(new AuditEvent("code.reused") { ClientId = code.ClientId, UserId = code.UserId, SessionId = code.SessionId, Address = request.Address });
        }
        return Invalid("reuse");
    }

    // UAA puts the code into the text; it would stand in logs.
    private static OAuthError Invalid(string detail) => OAuthError.InvalidGrant("Invalid authorization code", detail);

    private static partial class Log
    {
        [LoggerMessage(EventIds.CodeReused, LogLevel.Warning, "A used code came back: ended grant {GrantId} of {ClientId} for {UserId}")]
        public static partial void Reused(ILogger logger, string grantId, string clientId, string userId);

        [LoggerMessage(EventIds.CodeOfAnother, LogLevel.Warning, "Client {ClientId} showed a code of {OwnerId}")]
        public static partial void Foreign(ILogger logger, string clientId, string ownerId);
    }
}
