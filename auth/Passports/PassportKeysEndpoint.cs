using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Passports;

/// <summary><c>/uaa/passport_keys</c>: gateways announce the keys by which they sign passports, services fetch them (docs/decisions/0015).</summary>
/// <remarks>
/// <c>GET</c>, for everybody: <c>{"keys":[{"kty":"EC","crv":"P-256","x":"...","y":"...","kid":"...","alg":"ES256","use":"sig"}]}</c>.
/// <c>POST</c> with such a key as the body and the bearer token of a client in its own name with scope
/// <c>passports.announce</c> announces the key, or renews it: 200 <c>{"kid":"...","expires_in":600}</c>. 409 <c>key_taken</c>:
/// another client has announced it; 409 <c>key_revoked</c>: an administrator has revoked it, make a new one; 429: as many keys
/// as a client may have. <c>DELETE /uaa/passport_keys/KID</c> withdraws: the client's own with the same kind of token, anybody's for good with
/// <c>uaa.admin</c>; 204, or 404.
/// </remarks>
internal sealed partial class PassportKeysEndpoint(
    IPassportKeys store, BearerAuthentication bearer, KeyRing issuer, Current<PassportOptions> options, IAudit audit, TimeProvider time,
    ILogger<PassportKeysEndpoint> logger)
{
    private const string Scope = "passports.announce";
    private const string Admin = "uaa.admin";
    private const int MaxBytes = 4 * 1024;

    // No longer than a gateway needs to tell that a key is no more.
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(60);

    // Read anew for each: a key that was announced at another instance must be here before the first passport is shown.
    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var keys = await store.ListAsync(time.GetUtcNow(), cancellationToken);
        return new Answer(json =>
        {
            json.WriteStartArray("keys");
            foreach (var key in keys)
            {
                json.WriteStartObject();
                key.Write(json);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }, published: true)
        { MaxAge = MaxAge };
    }

    public async Task<IResult> AnnounceAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var caller = await bearer.AuthenticateAsync(http, scope: Scope, cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        if (!IsOwnName(caller.Value)) return NotOwnName();
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken, MaxBytes);
        if (!body.IsSuccess) return body.Error;
        var key = PassportKey.Read(body.Value);
        if (!key.IsSuccess) return OAuthError.InvalidRequest("The body must be a public JWK for ES256: " + key.Error);
        // The kinds have keys of their own: what the issuer signed must not be good as a passport.
        if (issuer.Published.Any(own => own.Kid == key.Value.Kid)) return OAuthError.InvalidRequest("This is a key of the issuer");

        var (client, now, lease) = (caller.Value.Client, time.GetUtcNow(), options.Value.Lease);
        switch (await store.AnnounceAsync(client.ZoneId, client.Id, key.Value, now, now + lease, options.Value.KeysPerClient, cancellationToken))
        {
            case Announcement.OfAnother: return new OAuthError(409, "key_taken", "Another client has announced this key");
            case Announcement.Revoked: return new OAuthError(409, "key_revoked", "The key was revoked. Make a new one.");
            case Announcement.TooMany:
                return new OAuthError(429, "too_many_keys", $"The client has announced {options.Value.KeysPerClient} keys already. Withdraw one that is not needed any more.") { RetryAfter = lease };
            case Announcement.Announced:
                Log.Announced(logger, key.Value.Kid, client.Id);
                audit.Record(new AuditEvent("passport_key.announced") { ClientId = client.Id, TokenId = key.Value.Kid, Address = http.Connection.RemoteIpAddress });
                break;
        }
        return new Answer(json =>
        {
            json.WriteString("kid", key.Value.Kid);
            json.WriteNumber("expires_in", (long)lease.TotalSeconds);
        });
    }

    public async Task<IResult> WithdrawAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, Scope);
        if (!caller.IsSuccess) return caller.Error;
        var kid = http.Request.RouteValues["kid"]?.ToString() ?? "";
        if (caller.Value.Scopes.Contains(Admin, StringComparer.Ordinal)) return await RevokeAsync(http, caller.Value, kid, cancellationToken);
        if (!IsOwnName(caller.Value)) return NotOwnName();
        // One answer for a key that is not there and one that is another's.
        if (!await store.WithdrawAsync(caller.Value.Client.ZoneId, caller.Value.Client.Id, kid, cancellationToken)) return OAuthError.NotFound();
        Log.Withdrawn(logger, kid, caller.Value.Client.Id);
        audit.Record(new AuditEvent("passport_key.withdrawn") { ClientId = caller.Value.Client.Id, TokenId = kid, Address = http.Connection.RemoteIpAddress });
        return Results.NoContent();
    }

    private async Task<IResult> RevokeAsync(HttpContext http, VerifiedToken admin, string kid, CancellationToken cancellationToken)
    {
        if (admin.Client.ZoneId != Zone.Default) return OAuthError.AccessDenied("Passport keys are no matter of this zone");
        var client = await store.RevokeAsync(Zone.Default, kid, time.GetUtcNow(), "passport key, " + admin.Caller(), cancellationToken);
        if (client is null) return OAuthError.NotFound();
        Log.Revoked(logger, kid, client);
        audit.Record(new AuditEvent("passport_key.revoked") { ClientId = client, TokenId = kid, Address = http.Connection.RemoteIpAddress, Reason = admin.Caller() });
        return Results.NoContent();
    }

    // Whoever announces keys can speak for everybody at every service: never a person or what people hand on, and never a zone
    // that runs itself.
    private static bool IsOwnName(VerifiedToken token) =>
        token.User is null && !token.IsApiToken && token.Subject == token.Client.Id && !token.Claims.Has("act") && token.Client.ZoneId == Zone.Default;

    private static OAuthError NotOwnName() => OAuthError.AccessDenied("This needs the token of a client in its own name");

    private static partial class Log
    {
        [LoggerMessage(EventIds.PassportKeyAnnounced, LogLevel.Information, "Passport key {Kid} of {ClientId} was announced")]
        public static partial void Announced(ILogger logger, string kid, string clientId);

        [LoggerMessage(EventIds.PassportKeyWithdrawn, LogLevel.Information, "Passport key {Kid} of {ClientId} was withdrawn")]
        public static partial void Withdrawn(ILogger logger, string kid, string clientId);

        [LoggerMessage(EventIds.PassportKeyRevoked, LogLevel.Warning, "Passport key {Kid} of {ClientId} was revoked")]
        public static partial void Revoked(ILogger logger, string kid, string clientId);
    }
}
