using System.Globalization;
using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.ApiTokens;

/// <summary><c>/uaa/api-tokens</c>: people and services make, list and revoke tokens for their own programs.</summary>
/// <remarks>
/// All with a bearer token. <c>POST</c> takes
/// <c>{"label":"ci","scopes":["ui"],"expires_in":86400}</c>, or <c>"expires_at":"2030-01-31T12:00:00Z"</c>; without scopes it
/// gets those of the bearer token. It answers 201 with
/// <c>{"id":"...","label":"ci","scopes":["ui"],"owner":"USER OR CLIENT ID","owner_type":"user","client_id":"mesh-cli",
/// "created_at":"2026-01-31T12:00:00.000Z","expires_at":"...","last_used_at":null,"last_used_address":null,"token":"smt_..."}</c>;
/// the token is never shown again. <c>GET</c> answers <c>{"tokens":[...]}</c> with the same members but the token, the newest
/// first; <c>?owner=ID</c>, a user's or a client's, is for <c>uaa.admin</c>. A user's token is for this only when its client is registered
/// with <c>api_tokens</c>, or with scope <c>apitokens.write</c>. <c>DELETE /uaa/api-tokens/ID</c> answers 204, also to
/// the token itself, or 404. Refusals have the shape of all below <c>/uaa</c>.
/// </remarks>
internal sealed partial class ApiTokensEndpoint(
    IApiTokens store, ApiTokenUses uses, BearerAuthentication bearer, ScopePolicy policy, RevocationState revocations, RevocationShares shares,
    Current<ApiTokenOptions> options, IAudit audit, TimeProvider time, ILogger<ApiTokensEndpoint> logger)
{
    private const string Admin = "uaa.admin";
    private const string Agreed = "apitokens.write";

    public async Task<IResult> CreateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        // Before the caller is looked at: the body may come much later, and what is revoked until then is.
        var now = time.GetUtcNow();
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (NotAllowed(token.Value) is { } refused) return refused;
        var request = await ApiTokenRequest.ReadAsync(http.Request, now, cancellationToken);
        if (!request.IsSuccess) return request.Error;
        var lifetime = request.Value.Lifetime ?? options.Value.Lifetime;
        if (lifetime > options.Value.Longest) return OAuthError.InvalidRequest($"A token may live {options.Value.Longest.TotalDays:0} days at most");
        var scopes = await ScopesAsync(token.Value, request.Value.Scopes, cancellationToken);
        if (!scopes.IsSuccess) return scopes.Error;

        var (client, user) = (token.Value.Client, token.Value.User);
        if (now.ToUnixTimeSeconds() < revocations.EarliestIssue(client.ZoneId, client.Id, user?.Id)) return OAuthError.InvalidToken("The token was revoked", "revoked while the request arrived");
        var created = new ApiToken
        {
            Id = Entropy.HexId(),
            ZoneId = client.ZoneId,
            ClientId = client.Id,
            UserId = user?.Id,
            Label = request.Value.Label,
            Scopes = scopes.Value,
            IssuedAt = now,
            CreatedAt = now,
            ExpiresAt = DateTimeOffset.FromUnixTimeSeconds((now + lifetime).ToUnixTimeSeconds()),
        };
        var text = ApiTokenText.New();
        if (!await store.TryAddAsync(created, ApiTokenText.Hash(text), options.Value.PerOwner, cancellationToken))
            return OAuthError.InvalidRequest($"There are {options.Value.PerOwner} API tokens already. Revoke one that is not needed any more.");
        Log.Created(logger, created.Id, client.Id, user?.Id, Words.Join(created.Scopes));
        audit.Record(new AuditEvent("api_token.created")
        {
            ClientId = client.Id,
            UserId = user?.Id,
            TokenId = created.Id,
            Address = http.Connection.RemoteIpAddress,
            Reason = $"until {created.ExpiresAt.ToString("s", CultureInfo.InvariantCulture)}Z",
        });
        return new Answer(json =>
        {
            Write(json, created);
            json.WriteString("token", text);
        })
        {
            Status = StatusCodes.Status201Created,
        };
    }

    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (token.Value.IsApiToken) return OfApiToken();
        await uses.FlushAsync(cancellationToken);
        var owners = http.Request.Query["owner"];
        if (owners.Count > 1) return OAuthError.InvalidRequest("The parameter owner occurs more than once");
        var (zone, user) = (token.Value.Client.ZoneId, token.Value.User);
        if (owners.Count == 0 && Unasked(token.Value) is { } unasked) return unasked;
        if (owners.Count == 0)
            return List(await store.ListAsync(zone, user is null ? token.Value.Client.Id : null, user?.Id, cancellationToken));
        if (!token.Value.Scopes.Contains(Admin, StringComparer.Ordinal)) return OAuthError.InsufficientScope(Admin);
        var owner = owners.ToString();
        return List([.. await store.ListAsync(zone, null, owner, cancellationToken), .. await store.ListAsync(zone, owner, null, cancellationToken)]);
    }

    public async Task<IResult> DeleteAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (!token.Value.IsApiToken && !MayRevokeAny(token.Value) && Unasked(token.Value) is { } unasked) return unasked;
        var id = http.Request.RouteValues["id"]?.ToString() ?? "";
        // One answer for a token that is not there and one that is another's.
        if (await store.FindByIdAsync(token.Value.Client.ZoneId, id, cancellationToken) is not { } found || !MayRevoke(token.Value, found)) return OAuthError.NotFound();
        if (found.RevokedAt is null && !MayRevokeAny(token.Value) && shares.Count(found.ZoneId, found.UserId, found.ClientId) is { } refusal) return refusal;
        if (!await store.RevokeAsync(found, "revoked by its owner or an administrator", time.GetUtcNow(), cancellationToken)) return OAuthError.NotFound();
        audit.Record(new AuditEvent("token.revoked")
        {
            ClientId = found.ClientId,
            UserId = found.UserId,
            TokenId = found.Id,
            Address = http.Connection.RemoteIpAddress,
            Reason = $"API token, by {token.Value.Subject}",
        });
        return Results.NoContent();
    }

    // What outlives its maker's sign-in is made only with a token of that sign-in: not by another API token, not by somebody who
    // acts for another, and not with a bound token, whose copy is worth nothing while an API token's is (V-053).
    private static OAuthError? NotAllowed(VerifiedToken token)
    {
        if (token.IsApiToken) return OfApiToken();
        if (token.Claims.TryGetProperty("act", out _)) return OAuthError.AccessDenied("Who acts for another cannot make API tokens");
        return token.Claims.TryGetProperty("cnf", out _) ? OAuthError.AccessDenied("A token that is bound to a key cannot make API tokens") : Unasked(token);
    }

    // Who lets a client sign him in for some minutes has not agreed to a token for a year.
    private static OAuthError? Unasked(VerifiedToken token) =>
        token.User is null || token.Client.Metadata.ApiTokens || token.Scopes.Contains(Agreed, StringComparer.Ordinal)
            ? null : OAuthError.AccessDenied($"This client manages API tokens of its users only with scope {Agreed}");

    private static OAuthError OfApiToken() => OAuthError.AccessDenied("An API token cannot manage API tokens");

    // Never more than the token that asks, nor than its owner holds now.
    private async Task<Result<IReadOnlyList<string>, OAuthError>> ScopesAsync(VerifiedToken token, IReadOnlyList<string>? asked, CancellationToken cancellationToken)
    {
        if (asked?.FirstOrDefault(scope => !token.Scopes.Contains(scope, StringComparer.Ordinal)) is { } foreign)
            return OAuthError.InvalidScope($"{OAuthError.Printable(foreign)} is not a scope of the token that asks", Words.Join(token.Scopes));
        var wanted = asked ?? token.Scopes;
        IReadOnlyList<string> held = token.User is null
            ? [.. wanted.Where(scope => token.Client.Authorities.Contains(scope, StringComparer.Ordinal))]
            : await policy.StillHeldAsync(token.Client, token.User, wanted, cancellationToken);
        if (held.Count == 0) return OAuthError.InvalidScope("No scope is left for the token");
        return asked is null || held.Count == asked.Count
            ? Result<IReadOnlyList<string>, OAuthError>.Of(held)
            : OAuthError.InvalidScope("Some of the scopes are not held any more", Words.Join(held));
    }

    private static bool MayRevoke(VerifiedToken token, ApiToken found) =>
        token.IsApiToken
            ? token.Marks.TokenId == found.Id
            : (token.User is { } user ? user.Id == found.UserId : found.UserId is null && token.Client.Id == found.ClientId) || MayRevokeAny(token);

    private static bool MayRevokeAny(VerifiedToken token) => token.HoldsAny("tokens.revoke");

    private static Answer List(IReadOnlyList<ApiToken> tokens) => new(json =>
    {
        json.WriteStartArray("tokens");
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            Write(json, token);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void Write(Utf8JsonWriter json, ApiToken token)
    {
        json.WriteString("id", token.Id);
        json.WriteString("label", token.Label);
        json.WriteStartArray("scopes");
        foreach (var scope in token.Scopes) json.WriteStringValue(scope);
        json.WriteEndArray();
        json.WriteString("owner", token.UserId ?? token.ClientId);
        json.WriteString("owner_type", token.UserId is null ? "client" : "user");
        json.WriteString("client_id", token.ClientId);
        json.WriteString("created_at", Time(token.CreatedAt));
        json.WriteString("expires_at", Time(token.ExpiresAt));
        json.WriteString("last_used_at", token.LastUsedAt is { } used ? Time(used) : null);
        json.WriteString("last_used_address", token.LastUsedAddress);
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static partial class Log
    {
        [LoggerMessage(EventIds.ApiTokenCreated, LogLevel.Information, "Made API token {TokenId} of {ClientId} and {UserId} with {Scopes}")]
        public static partial void Created(ILogger logger, string tokenId, string clientId, string? userId, string scopes);
    }
}
