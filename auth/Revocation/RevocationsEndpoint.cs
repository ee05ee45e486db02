using System.Globalization;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

/// <summary><c>GET /uaa/revocations</c>: every revocation, in order, to whoever enforces them, as server-sent events (docs/decisions/0011).</summary>
/// <remarks>
/// With a client's bearer token of scope <c>revocations.read</c>. <c>?after=N</c> begins after revocation N, as does the header
/// <c>Last-Event-ID</c>, which counts more; without either it begins now. The events:
/// <c>head</c> <c>{"sequence":7,"time":"2026-01-31T12:00:00.000Z"}</c> comes first;
/// <c>reset</c> <c>{"sequence":7}</c>: something after N is not kept any more, or N never was: forget what was remembered of tokens;
/// <c>revocation</c> with <c>id</c> = sequence and
/// <c>{"sequence":7,"kind":"user","subject":"...","clientId":null,"notBefore":1767225600,"expiresAt":1767268800,"zone":"uaa"}</c>,
/// where kind is token (jti), grant (grant_id), session (sid), key (kid), user (user_id), client (client_id) or zone (zid), and a
/// token of user, client or zone is ended when its <c>iat</c> is less than notBefore; with a clientId, of this client alone;
/// <c>heartbeat</c> like head, every few seconds; <c>end</c> <c>{"reason":"token"}</c> before the stream is closed.
/// </remarks>
internal sealed class RevocationsEndpoint(BearerAuthentication bearer, RevocationFeed feed)
{
    public const string Scope = "revocations.read";

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, scope: Scope, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        if (token.Value.User is not null) return OAuthError.AccessDenied("This needs the token of a client in its own name");
        var after = After(http.Request);
        if (!after.IsSuccess) return after.Error;
        return HttpMethods.IsHead(http.Request.Method) ? Results.Ok() : await feed.JoinAsync(http, token.Value, after.Value.Sequence, cancellationToken);
    }

    private static Result<Position, OAuthError> After(HttpRequest request)
    {
        var last = request.Headers["Last-Event-ID"];
        var asked = last.Count > 0 ? last : request.Query["after"];
        if (asked.Count == 0) return new Position(null);
        return asked.Count == 1 && long.TryParse(asked.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            ? new Position(sequence)
            : OAuthError.InvalidRequest("after must be the number of a revocation");
    }

    private sealed record Position(long? Sequence);
}
