using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>Renews a sign-in (RFC 6749 §6): whoever comes with a spent token ends the family.</summary>
internal sealed partial class RefreshTokenGrant(
    RefreshFamilies families, RefreshPolicy policy, ScopePolicy scopes, IAudit audit, TimeProvider time, ILogger<RefreshTokenGrant> logger) : IGrant
{
    public string GrantType => "refresh_token";

    public bool AllowsPublicClients => true;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["refresh_token"] is not { } token) return OAuthError.InvalidRequest("refresh_token parameter not provided");
        if (await families.FindAsync(token, cancellationToken) is not var (family, stored)) return RefreshPolicy.Dead("unknown token");

        // The binding comes before everything: another client's attempt neither spends nor revokes what is not its own.
        if (family.ClientId != client.Client.Id || family.ZoneId != client.Client.ZoneId)
            return OAuthError.InvalidGrant($"Wrong client for this refresh token: {client.Client.Id}");
        if (RefreshPolicy.Holder(client, family) is { } another) return another;
        // Whoever proves nothing renews with the key alone that the tokens are bound to (RFC 9449 §5).
        if (family.Details.Jkt is { } jkt && request.Confirmation?.Jkt != jkt) return OAuthError.InvalidDpopProof("The refresh token is bound to another key");
        var now = time.GetUtcNow();
        if (family.Revoked || family.ExpiresAt <= now) return RefreshPolicy.Dead(family.Revoked ? "revoked family" : "family expired");
        if (stored.ConsumedAt is not null && families.RepeatedChild(token, stored) is null) return await ReusedAsync(family, request, cancellationToken);
        if (stored.ExpiresAt <= now) return RefreshPolicy.Dead("unused for too long");

        // What was true at the sign-in is asked again: user, password and client may have changed (T-10).
        var user = await policy.CheckAsync(client.Client, family, cancellationToken);
        if (!user.IsSuccess) return user.Error;
        var authorization = await NarrowAsync(request, client, family, user.Value, cancellationToken);
        if (!authorization.IsSuccess) return authorization.Error;

        // Spent last, so that a request that is refused for its scope does not cost the token.
        var next = await NextAsync(token, client.Client, family, stored, request, cancellationToken);
        if (!next.IsSuccess) return next.Error;
        return authorization.Value with { RefreshToken = next.Value };
    }

    /// <summary>The refresh token to answer with: the next one, the one that a faster request got, or the same.</summary>
    private async Task<Result<string, OAuthError>> NextAsync(
        string token, Client client, RefreshFamily family, RefreshToken stored, TokenRequest request, CancellationToken cancellationToken)
    {
        if (stored.ConsumedAt is null && !families.Rotates(family, client))
        {
            if (!await families.ProlongAsync(family, stored, cancellationToken)) return RefreshPolicy.Dead("spent or revoked meanwhile");
            Log.Refreshed(logger, family.Id, family.ClientId, family.UserId);
            return token;
        }
        if (stored.ConsumedAt is null && await families.RotateAsync(token, family, stored, cancellationToken) is { } child)
        {
            Log.Refreshed(logger, family.Id, family.ClientId, family.UserId);
            return child;
        }
        // Another request was faster: within the window both get the same token.
        if (await families.FindAsync(token, cancellationToken) is not var (current, consumed) || current.Revoked) return RefreshPolicy.Dead("revoked meanwhile");
        if (families.RepeatedChild(token, consumed) is not { } repeated) return await ReusedAsync(family, request, cancellationToken);
        Log.Repeated(logger, family.Id, family.ClientId);
        return repeated;
    }

    private async Task<Result<Authorization, OAuthError>> NarrowAsync(
        TokenRequest request, AuthenticatedClient client, RefreshFamily family, User user, CancellationToken cancellationToken)
    {
        var wider = request.Scopes.Where(scope => !family.Scopes.Contains(scope, StringComparer.Ordinal)).ToArray();
        if (wider.Length > 0)
            return OAuthError.InvalidScope($"Unable to narrow the scope of the client authentication to [{Words.Join(wider)}].", Words.Join(family.Scopes));
        if (request.Resources.Any(resource => family.Resources.Count > 0 && !family.Resources.Contains(resource, StringComparer.Ordinal)))
            return OAuthError.InvalidTarget("A resource must be one of those the sign-in was for");
        var asked = request.Scopes.Count > 0 ? request.Scopes : family.Scopes;
        if (await policy.UnapprovedAsync(client.Client, family, user, asked, cancellationToken) is { } unapproved) return unapproved;
        var granted = await scopes.StillHeldAsync(client.Client, user, asked, cancellationToken);
        if (granted.Count == 0) return RefreshPolicy.Dead("no scope is left");
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

    private async Task<OAuthError> ReusedAsync(RefreshFamily family, TokenRequest request, CancellationToken cancellationToken)
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
        return RefreshPolicy.Dead("reuse");
    }

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
