using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>Renews a sign-in (RFC 6749 §6): rotation always, and whoever comes with a used token ends the family.</summary>
internal sealed partial class RefreshTokenGrant(
    RefreshFamilies families, IUsers users, ScopePolicy scopes, IssuancePolicy policy, IAudit audit, TimeProvider time, ILogger<RefreshTokenGrant> logger) : IGrant
{
    public string GrantType => "refresh_token";

    public bool AllowsPublicClients => true;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["refresh_token"] is not { } token) return OAuthError.InvalidRequest("refresh_token parameter not provided");
        if (await families.FindAsync(token, cancellationToken) is not var (family, stored)) return Dead("unknown token");

        // The binding comes before everything: another client's attempt neither spends nor revokes what is not its own.
        if (family.ClientId != client.Client.Id || family.ZoneId != client.Client.ZoneId)
            return OAuthError.InvalidGrant($"Wrong client for this refresh token: {client.Client.Id}");
        // Nothing but a name stands behind a public client: its tokens are bound to its key, if it has one (RFC 9449 §5), and what was
        // given to a client with a credential is not renewed without it.
        if (client.Way == "none" && !family.Details.Public) return OAuthError.InvalidGrant("The refresh token was issued to a client that authenticated");
        if (family.Details is { Public: true, Jkt: { } jkt } && request.Confirmation?.Jkt != jkt)
            return OAuthError.InvalidDpopProof("The refresh token is bound to another key");
        var now = time.GetUtcNow();
        if (family.Revoked || family.ExpiresAt <= now) return Dead(family.Revoked ? "revoked family" : "family expired");
        if (stored.ConsumedAt is not null && families.RepeatedChild(token, stored) is null) return await ReusedAsync(request, family, cancellationToken);
        if (stored.ExpiresAt <= now) return Dead("unused for too long");

        // What was true at the sign-in is asked again: user, password and client may have changed (T-10).
        var user = await users.FindAsync(family.ZoneId, family.UserId, cancellationToken);
        if (user is not { Active: true, Verified: true }) return Dead("user gone or not active");
        if (RevocationSignature.Of(client.Client, user) != family.RevSig) return OAuthError.InvalidToken("revocable signature mismatch");
        if (await policy.CheckAsync(client.Client, user, cancellationToken) is { } refusal) return refusal;
        var authorization = await NarrowAsync(request, client, family, user, cancellationToken);
        if (!authorization.IsSuccess) return authorization.Error;

        // Spent last, so that a request that is refused for its scope does not cost the token.
        var child = stored.ConsumedAt is null ? await families.RotateAsync(token, family, stored, cancellationToken) : null;
        if (child is not null) Log.Refreshed(logger, family.Id, client.Client.Id, family.UserId);
        else
        {
            // Another request was faster: within the window both get the same token.
            if (await families.FindAsync(token, cancellationToken) is not var (current, consumed) || current.Revoked) return Dead("revoked meanwhile");
            child = families.RepeatedChild(token, consumed);
            if (child is null) return await ReusedAsync(request, family, cancellationToken);
            Log.Repeated(logger, family.Id, client.Client.Id);
        }
        return authorization.Value with { RefreshToken = child };
    }

    private async Task<Result<Authorization, OAuthError>> NarrowAsync(
        TokenRequest request, AuthenticatedClient client, RefreshFamily family, User user, CancellationToken cancellationToken)
    {
        var wider = request.Scopes.Where(scope => !family.Scopes.Contains(scope, StringComparer.Ordinal)).ToArray();
        if (wider.Length > 0)
            return OAuthError.InvalidScope($"Unable to narrow the scope of the client authentication to [{Words.Join(wider)}].", Words.Join(family.Scopes));
        if (request.Resources.Any(resource => family.Resources.Count > 0 && !family.Resources.Contains(resource, StringComparer.Ordinal)))
            return OAuthError.InvalidTarget("A resource must be one of those the sign-in was for");
        var granted = await scopes.StillHeldAsync(client.Client, user, request.Scopes.Count > 0 ? request.Scopes : family.Scopes, cancellationToken);
        if (granted.Count == 0) return Dead("no scope is left");
        return new Authorization
        {
            // The method of the sign-in, as all else in the token tells of the sign-in.
            Client = client with { Method = family.ClientAuthMethod },
            User = user,
            Scopes = granted,
            Resources = request.Resources.Count > 0 ? request.Resources : family.Resources,
            GrantType = family.GrantType,
            AuthTime = family.AuthTime,
            GrantId = family.Id,
            SessionId = family.SessionId,
            Details = family.Details,
        };
    }

    private async Task<OAuthError> ReusedAsync(TokenRequest request, RefreshFamily family, CancellationToken cancellationToken)
    {
        await families.RevokeAsync(family, "refresh token reuse", cancellationToken);
        Log.Reused(logger, family.Id, family.ClientId, family.UserId);
        audit.Record(new AuditEvent("refresh.reused")
        {
            ClientId = family.ClientId,
            UserId = family.UserId,
            TokenId = family.Id,
            SessionId = family.SessionId,
            Address = request.Address,
            Reason = "a used refresh token came back: all tokens of the sign-in ended",
        });
        return Dead("reuse");
    }

    // One text for every dead token: its holder does not learn why.
    private static OAuthError Dead(string detail) =>
        OAuthError.InvalidToken("The token expired, was revoked, or the token ID is incorrect.", detail);

    private static partial class Log
    {
        [LoggerMessage(EventIds.TokenRefreshed, LogLevel.Information, "Refreshed family {FamilyId} of {ClientId} for {UserId}")]
        public static partial void Refreshed(ILogger logger, string familyId, string clientId, string userId);

        [LoggerMessage(EventIds.RefreshRepeated, LogLevel.Information, "Repeated the last refresh of family {FamilyId} of {ClientId}")]
        public static partial void Repeated(ILogger logger, string familyId, string clientId);

        [LoggerMessage(EventIds.RefreshReused, LogLevel.Warning, "A used refresh token came back: revoked family {FamilyId} of {ClientId} for {UserId}")]
        public static partial void Reused(ILogger logger, string familyId, string clientId, string userId);
    }
}
