using System.Globalization;
using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

/// <summary><c>/uaa/oauth/token/revoke/...</c> and <c>/uaa/oauth/token/list/...</c> (uaa.md §3.4): ends and shows tokens of users and clients.</summary>
internal sealed class BulkRevocationEndpoint(BearerAuthentication bearer, IBulkRevocation bulk, IStoredTokens stored, RevocationShares shares, IAudit audit)
{
    private const string Revoke = "tokens.revoke";
    private const string ListScope = "tokens.list";
    private const string Admin = "uaa.admin";

    public Task<IResult> UserAsync(HttpContext http, CancellationToken cancellationToken) => RevokeAsync(
        http,
        token => token.User?.Id == Route(http, "userId"),
        zone => bulk.OfUserAsync(zone, Route(http, "userId"), "all tokens of the user were revoked", cancellationToken),
        userId: Route(http, "userId"), clientId: null, cancellationToken);

    public Task<IResult> UserAtClientAsync(HttpContext http, CancellationToken cancellationToken) => RevokeAsync(
        http,
        token => token.User?.Id == Route(http, "userId") && token.Client.Id == Route(http, "clientId"),
        zone => bulk.OfUserAtClientAsync(zone, Route(http, "userId"), Route(http, "clientId"), "all tokens of the user at the client were revoked", cancellationToken),
        Route(http, "userId"), Route(http, "clientId"), cancellationToken);

    public Task<IResult> ClientAsync(HttpContext http, CancellationToken cancellationToken) => RevokeAsync(
        http,
        _ => false,
        zone => bulk.OfClientAsync(zone, Route(http, "clientId"), "all tokens of the client were revoked", cancellationToken),
        userId: null, Route(http, "clientId"), cancellationToken);

    public async Task<IResult> TokenAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        var caller = token.Value;
        var isAdmin = Holds(caller, Revoke);
        // One answer for a token that is not there and one that is another's.
        if (await stored.FindAsync(caller.Client.ZoneId, Route(http, "tokenId"), cancellationToken) is not { } found || !(isAdmin || IsOwn(caller, found))) return Unknown();
        if (!isAdmin && shares.Count(caller.Client.ZoneId, found.UserId, found.ClientId) is { } refusal) return refusal;
        if (!await stored.RevokeAsync(caller.Client.ZoneId, found, "revoked by its id", cancellationToken)) return Unknown();
        audit.Record(new AuditEvent("token.revoked")
        {
            ClientId = found.ClientId,
            UserId = found.UserId,
            TokenId = found.Id,
            Address = http.Connection.RemoteIpAddress,
            Reason = $"by {caller.Subject}",
        });
        return EmptyAnswer.Instance;
    }

    public Task<IResult> ListOfUserAsync(HttpContext http, CancellationToken cancellationToken) => ListAsync(http, Route(http, "userId"), null, cancellationToken);

    public Task<IResult> ListOfClientAsync(HttpContext http, CancellationToken cancellationToken) => ListAsync(http, null, Route(http, "clientId"), cancellationToken);

    public async Task<IResult> NoListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        return token.IsSuccess ? OAuthError.AccessDenied("Name a user or a client") : token.Error;
    }

    private async Task<IResult> RevokeAsync(
        HttpContext http, Func<VerifiedToken, bool> isSelf, Func<string, Task<RevokedCounts?>> revoke, string? userId, string? clientId, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        // An API token stands for its owner's programs, not for the owner: it ends nothing but itself, unless it holds the scope.
        if (!Holds(token.Value, Revoke) && (token.Value.IsApiToken || !isSelf(token.Value))) return OAuthError.InsufficientScope($"{Revoke} {Admin}");
        if (await revoke(token.Value.Client.ZoneId) is not { } counts)
            return userId is null || clientId is not null
                ? new OAuthError(404, "not_found", "No such user or client")
                : new OAuthError(404, "scim_resource_not_found", "User does not exist") { AsScim = true };
        audit.Record(new AuditEvent(userId is null ? "client.tokens_revoked" : "user.tokens_revoked")
        {
            ClientId = clientId,
            UserId = userId,
            Address = http.Connection.RemoteIpAddress,
            Reason = string.Create(CultureInfo.InvariantCulture,
                $"by {token.Value.Subject}; {counts.Families} sign-ins, {counts.OpaqueTokens} opaque tokens and {counts.ApiTokens} API tokens ended"),
        });
        return EmptyAnswer.Instance;
    }

    private async Task<IResult> ListAsync(HttpContext http, string? userId, string? clientId, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (!Holds(token.Value, ListScope)) return OAuthError.InsufficientScope($"{ListScope} {Admin}");
        var zone = token.Value.Client.ZoneId;
        return new TokenList(zone, await stored.ListAsync(zone, userId, clientId, cancellationToken));
    }

    // An API token ends itself alone; else it is the token's own user or client.
    private static bool IsOwn(VerifiedToken caller, StoredToken found) =>
        caller.IsApiToken ? caller.Marks.TokenId == found.Id
        : caller.User is { } user ? user.Id == found.UserId
        : caller.Client.Id == found.ClientId;

    private static bool Holds(VerifiedToken token, string scope) => token.Scopes.Contains(scope, StringComparer.Ordinal) || token.Scopes.Contains(Admin, StringComparer.Ordinal);

    private static OAuthError Unknown() => new(404, "invalid_token", "Resource not found");

    private static string Route(HttpContext http, string name) => http.Request.RouteValues[name]?.ToString() ?? "";

    private sealed class TokenList(string zone, IReadOnlyList<StoredToken> tokens) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            Answer.Hide(httpContext.Response);
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartArray();
            foreach (var token in tokens)
            {
                json.WriteStartObject();
                json.WriteString("tokenId", token.Id);
                json.WriteString("clientId", token.ClientId);
                json.WriteString("userId", token.UserId);
                json.WriteString("format", "OPAQUE");
                json.WriteString("responseType", token.Kind);
                json.WriteNumber("issuedAt", token.IssuedAt.ToUnixTimeMilliseconds());
                json.WriteNumber("expiresAt", token.ExpiresAt.ToUnixTimeMilliseconds());
                json.WriteString("scope", token.Scope);
                json.WriteNull("value");
                json.WriteString("zoneId", zone);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            await json.FlushAsync(httpContext.RequestAborted);
        }
    }
}
