using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;

namespace SecureMesh.Gateway.Tests.Explain;

/// <summary>A request that is refused, and the first cause that an explanation must name.</summary>
/// <param name="Name">In words.</param>
/// <param name="Step">The check that fails.</param>
/// <param name="Reason">The reason code that the caller reads.</param>
/// <param name="Status">What he gets.</param>
/// <param name="Cause">What the cause says, in part.</param>
/// <param name="Fix">What the fix says, in part.</param>
/// <param name="Make">The request.</param>
internal sealed record BrokenRequest(string Name, string Step, string? Reason, int Status, string Cause, string Fix, Func<TestIssuer, Sent> Make);

/// <summary>What goes over the wire.</summary>
internal sealed record Sent(string Target)
{
    public string Method { get; init; } = "GET";

    /// <summary>The whole header value; null for none.</summary>
    public string? Authorization { get; init; }

    public string[] Headers { get; init; } = [];

    public string? Host { get; init; }

    public string Body { get; init; } = "";

    public static Sent With(string? authorization, string target = "/accounts/current") => new(target) { Authorization = authorization };

    public static Sent Bearer(string token, string target = "/accounts/current") => With("Bearer " + token, target);
}

/// <summary>Requests of more than sixty kinds.</summary>
internal static class BrokenRequests
{
    private static readonly string _longest = new('a', 17 * 1024);

    /// <summary>The routes that they need beside those of the mesh.</summary>
    public static (string Key, string Value)[] Routes =>
    [
        .. Route("jwt-only", "/jwt-only", ("credentials:0", "jwt")),
        .. Route("opaque-only", "/opaque-only", ("credentials:0", "opaque")),
        .. Route("online", "/online", ("online", "true")),
        ("gateway:routes:all:path", "/all"), ("gateway:routes:all:service", "account-service"), ("gateway:routes:all:scopes:all:0", "a.read"), ("gateway:routes:all:scopes:all:1", "a.write"),
        ("gateway:routes:wild:path", "/wild"), ("gateway:routes:wild:service", "account-service"), ("gateway:routes:wild:scopes:0", "a.*"),
        .. Route("subject", "/subject", ("subjects:0", "id-of-bob")),
        .. Route("claim", "/claim", ("claims:department:0", "sales")),
        .. Route("limited", "/limited", ("limits:perAddress", "1/hour")),
        .. Route("small", "/small", ("maxBodyBytes", "10")),
        .. Route("post", "/post", ("methods:0", "POST")),
        .. Route("nobody", "/nobody", ("service", "nobody-service")),
        .. Route("dead", "/dead", ("service", "dead-service")),
        .. Route("slow", "/slow", ("service", "slow-service"), ("timeout", "300ms")),
        .. Route("broken", "/broken", ("service", "broken-service"), ("retries", "0")),
        .. Route("refusing", "/refusing/{status}", ("service", "refusing-service")),
        ("gateway:routes:refusing-all:path", "/refusing-all/{status}"), ("gateway:routes:refusing-all:service", "refusing-service"), ("gateway:routes:refusing-all:access", "public"),
    ];

    public static IReadOnlyList<BrokenRequest> All { get; } =
    [
        // What the credential is
        new("none", "credential", "credential_missing", 401, "no credential", "./mesh login", _ => new("/accounts/current")),
        new("only a token in the query", "credential", "credential_missing", 401, "no credential", "query counts for nothing", issuer => new("/accounts/current?access_token=" + Ui(issuer))),
        new("a scheme without a token", "credential", "credential_malformed", 401, "not one scheme, one space and one token", "one space", _ => Sent.With("Bearer")),
        new("a scheme and a space", "credential", "credential_malformed", 401, "not one scheme", "one space", _ => Sent.With("Bearer ")),
        new("two spaces", "credential", "credential_malformed", 401, "not one scheme", "one space", issuer => Sent.With("Bearer  " + Ui(issuer))),
        new("two tokens", "credential", "credential_malformed", 401, "not one scheme", "whole token", issuer => Sent.With($"Bearer {Ui(issuer)} {Ui(issuer)}")),
        new("a character that no token has", "credential", "credential_malformed", 401, "not one scheme", "whole token", _ => Sent.Bearer("canary-token%20broken")),
        new("a padding in the middle", "credential", "credential_malformed", 401, "not one scheme", "whole token", _ => Sent.Bearer("canary-token=broken")),
        new("another scheme", "credential", "credential_not_taken", 401, "neither Bearer, DPoP nor Basic", "a credential that the route takes: jwt, opaque, api-token", _ => Sent.With("Negotiate canary-token-negotiate")),
        new("a scheme with parameters", "credential", "credential_not_taken", 401, "neither Bearer", "a credential that the route takes", _ => Sent.With("Digest username=\"canary-user-digest\", response=\"canary-digest\"")),
        new("no scheme", "credential", "credential_not_taken", 401, "neither Bearer", "a credential that the route takes", issuer => Sent.With(Ui(issuer))),
        new("a token that is too long", "credential", "credential_malformed", 401, "larger than 16 KiB", "whole token", _ => Sent.Bearer(_longest)),
        new("one part too few", "credential", "credential_malformed", 401, "not a compact signed token", "whole token", issuer => Sent.Bearer(Ui(issuer)[..Ui(issuer).LastIndexOf('.')])),
        new("an encrypted token", "credential", "credential_malformed", 401, "not a compact signed token", "whole token", issuer => Sent.Bearer(Ui(issuer) + ".canary.part")),
        new("a second one in the query", "credential", "credential_conflict", 400, "a second credential stands in the query", "send one credential", issuer => Sent.Bearer(Ui(issuer), "/accounts/current?access_token=" + Ui(issuer))),
        new("two headers", "request", "request_refused", 400, "The header Authorization stands there more than once", "reads the same way", issuer => Sent.Bearer(Ui(issuer)) with { Headers = ["Authorization: Bearer " + Ui(issuer)] }),
        new("a password where tokens are taken", "credential", "credential_not_taken", 401, "the route takes jwt, opaque, api-token, not basic", "jwt, opaque, api-token", _ => Sent.With("Basic " + Basic("canary-user", "canary-password"))),
        new("an opaque token where JWTs are taken", "credential", "credential_not_taken", 401, "the route takes jwt, not opaque", "jwt", _ => Sent.Bearer("canaryopaquetoken", "/jwt-only")),
        new("an API token where JWTs are taken", "credential", "credential_not_taken", 401, "the route takes jwt, not api-token", "jwt", _ => Sent.Bearer("smt_canaryapitoken", "/jwt-only")),
        new("an API token with a slip of the pen", "credential", "credential_malformed", 401, "not an API token", "whole token", _ => Sent.Bearer("smt_canaryapitoken")),
        new("a JWT where opaque tokens are taken", "credential", "credential_not_taken", 401, "the route takes opaque, not jwt", "opaque", issuer => Sent.Bearer(Ui(issuer), "/opaque-only")),

        // What the token is
        new("an unreadable header", "token", "credential_invalid", 401, "the header cannot be read", "get a new access token", issuer => Sent.Bearer("Y2FuYXJ5" + Ui(issuer)[Ui(issuer).IndexOf('.', StringComparison.Ordinal)..])),
        new("no base64url", "token", "credential_invalid", 401, "not a compact signed token", "get a new access token", _ => Sent.Bearer("a.b.c")),
        new("an ID token", "token", "credential_invalid", 401, "typ", "no access token", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), "JWT"))),
        new("a logout token", "token", "credential_invalid", 401, "typ", "get a new access token", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), "logout+jwt"))),
        new("a passport", "token", "credential_invalid", 401, "passport", "a passport is for one service", issuer => Sent.Bearer(issuer.Passport("account-service", ("scope", new[] { "ui" })))),
        new("no signature at all", "token", "credential_invalid", 401, "alg is neither ES256 nor RS256", "ES256 or RS256", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["alg"] = "none" }))),
        new("a shared secret as its key", "token", "credential_invalid", 401, "alg is neither ES256 nor RS256", "ES256 or RS256", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["alg"] = "HS256" }))),
        new("no name of a key", "token", "credential_invalid", 401, "no kid", "get a new access token", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["kid"] = "" }))),
        new("critical members", "token", "credential_invalid", 401, "critical header members", "get a new access token", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["crit"] = new[] { "exp" } }))),
        new("compressed", "token", "credential_invalid", 401, "compressed", "get a new access token", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["zip"] = "DEF" }))),
        new("a claim twice", "token", "credential_invalid", 401, "stands in the payload twice", "get a new access token", issuer => Sent.Bearer(Twice(issuer))),
        new("no subject", "token", "credential_invalid", 401, "not the claims of an access token", "get a new access token", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("sub", null)))),
        new("the signature cut off", "token", "credential_invalid", 401, "not a compact signed token", "get a new access token", issuer => Sent.Bearer(Ui(issuer)[..(Ui(issuer).LastIndexOf('.') + 1)])),

        // Whose it is
        new("of another issuer, with our key", "issuer", "credential_invalid", 401, "another issuer: iss is https://other.example, expected is http://localhost:8080/uaa/oauth/token", "get a token from http://localhost:8080/uaa/oauth/token", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("iss", "https://other.example")))),
        new("of another issuer, with his key", "issuer", "credential_invalid", 401, "another issuer: iss is https://other.example", "get a token from", issuer => Sent.Bearer(TestIssuer.Sign(new SigningKey(), issuer.Claims(("iss", "https://other.example"))))),
        new("with a key that nobody published", "key", "credential_invalid", 401, "the issuer publishes no such key", "the key was withdrawn, or", issuer => Sent.Bearer(TestIssuer.Sign(new SigningKey(), UiClaims(issuer)))),
        new("changed after it was signed", "key", "credential_invalid", 401, "the signature does not verify", "changed since it was signed", issuer => Sent.Bearer(Tampered(issuer))),
        new("signed by another key under our name", "key", "credential_invalid", 401, "the signature does not verify", "forged", issuer => Sent.Bearer(TestIssuer.Sign(new SigningKey(), UiClaims(issuer), header: new() { ["kid"] = issuer.Key.Kid }))),
        new("another algorithm than the key's", "key", "credential_invalid", 401, "alg is not that of the key", "get a new one", issuer => Sent.Bearer(TestIssuer.Sign(issuer.Key, UiClaims(issuer), header: new() { ["alg"] = "RS256" }))),

        // For whom and until when
        new("for one service", "audience", "credential_invalid", 401, "made for mesh://account-service, not for mesh://gateway", "leave `resource` out", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("aud", new[] { "mesh://account-service" })))),
        new("for nobody", "audience", "credential_invalid", 401, "made for nothing, not for mesh://gateway", "ask for the token without `resource`", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("aud", null)))),
        new("expired", "lifetime", "credential_expired", 401, "expired 12 min ago", "refresh the token", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("exp", Now - 750)))),
        new("expired, and for another", "audience", "credential_invalid", 401, "made for mesh://other-service", "leave `resource` out", issuer => Sent.Bearer(issuer.Token(("aud", "mesh://other-service"), ("exp", Now - 750)))),
        new("expired, and of another issuer", "issuer", "credential_invalid", 401, "iss is https://other.example", "get a token from", issuer => Sent.Bearer(issuer.Token(("iss", "https://other.example"), ("exp", Now - 750)))),
        new("not valid yet", "lifetime", "credential_invalid", 401, "not valid before", "set the clock", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("nbf", Now + 3500)))),
        new("without an end", "lifetime", "credential_invalid", 401, "the token has no expiry", "get a token that ends", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("exp", null)))),

        // What was revoked
        new("its token revoked", "revocation", "credential_invalid", 401, "revoked by its token", "get a new token", issuer => Revoked(issuer, "token", "gone-token", ("jti", "gone-token"))),
        new("its grant revoked", "revocation", "credential_invalid", 401, "revoked by its grant", "get a new token", issuer => Revoked(issuer, "grant", "gone-grant", ("grant_id", "gone-grant"))),
        new("its session ended", "revocation", "credential_invalid", 401, "revoked by its session", "sign in again", issuer => Revoked(issuer, "session", "gone-session", ("sid", "gone-session"))),
        new("its user's tokens ended", "revocation", "credential_invalid", 401, "revoked by its user: everything issued before 20", "sign in again", issuer => Revoked(issuer, "user", "gone-user", ("user_id", "gone-user"))),
        new("its client's tokens ended", "revocation", "credential_invalid", 401, "revoked by its client: everything issued before 20", "get a new one", issuer => Revoked(issuer, "client", "gone-client", ("client_id", "gone-client"))),

        // What auth says
        new("an unknown opaque token", "auth", "credential_invalid", 401, "auth says that the token is not active", "unknown, over or revoked", _ => Sent.Bearer("sm_at_canaryopaqueunknown" + new string('A', 24))),
        new("a token that auth does not stand by any more", "auth", "credential_invalid", 401, "auth says that the token is not active", "make a new one", issuer => Sent.Bearer(Ui(issuer), "/online")),

        // Proofs
        new("a bound token as a bearer token", "proof", "proof_invalid", 401, "bound to a key, shown as a bearer token", "DPoP proof", issuer => Sent.Bearer(Bound(issuer))),
        new("a token bound to a certificate, without one", "proof", "proof_invalid", 401, "bound to", "client certificate", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("cnf", new Dictionary<string, object> { ["x5t#S256"] = "dGh1bWJwcmludA" })))),

        new("a token without a key, as one with a key", "proof", "proof_invalid", 401, "not bound to a key, shown as DPoP", "DPoP proof", issuer => Sent.With("DPoP " + Ui(issuer))),
        new("a bound token without its proof", "proof", "proof_invalid", 401, "no proof", "DPoP proof", issuer => Sent.With("DPoP " + Bound(issuer))),
        new("a proof that is none", "proof", "proof_invalid", 401, "the proof: ", "DPoP proof", issuer => Sent.With("DPoP " + Bound(issuer)) with { Headers = ["DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9.canary-payload.canary-signature"] }),
        new("a proof beside a bearer token", "proof", "proof_invalid", 401, "a DPoP header beside another scheme than DPoP", "DPoP proof", issuer => Sent.Bearer(Ui(issuer)) with { Headers = ["DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9.canary-payload.canary-signature"] }),

        // Whether he may
        new("no scope", "scopes", "scope_missing", 403, "wants any of ui server; the caller holds nothing", "ask for scope ui", issuer => Sent.Bearer(issuer.UserToken("alice"))),
        new("other scopes", "scopes", "scope_missing", 403, "the caller holds openid UI", "ask for scope ui", issuer => Sent.Bearer(issuer.UserToken("alice", "openid", "UI"))),
        new("one of two scopes", "scopes", "scope_missing", 403, "wants all of a.read a.write; the caller holds a.read", "a.read a.write", issuer => Sent.Bearer(issuer.UserToken("alice", "a.read"), "/all")),
        new("a scope that the pattern does not take", "scopes", "scope_missing", 403, "wants any of a.*; the caller holds a a.b.c", "ask for scope a.*", issuer => Sent.Bearer(issuer.UserToken("alice", "a", "a.b.c"), "/wild")),
        new("another subject", "policy", "policy_denied", 403, "the subject is not one of the route's", "gateway:routes:subject", issuer => Sent.Bearer(issuer.UserToken("alice", "ui"), "/subject")),
        new("without the claim", "policy", "policy_denied", 403, "the claim department has none of the route's values", "gateway:routes:claim", issuer => Sent.Bearer(issuer.UserToken("alice", "ui"), "/claim")),
        new("another value of the claim", "policy", "policy_denied", 403, "the claim department has none", "gateway:routes:claim", issuer => Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), ("department", "canary-department")), "/claim")),
        new("too often", "limits", "rate_limited", 429, "exceeded the limit", "gateway:routes:limited:limits", issuer => Sent.Bearer(Ui(issuer), "/limited")),

        // What the request is
        new("too large", "request", "request_refused", 413, "17 bytes", "maxBodyBytes", issuer => Sent.Bearer(Ui(issuer), "/small") with { Method = "POST", Body = "canary-body=17!!!" }),
        new("no such path", "route", "route_missing", 404, "no route has this path and method", "the routes of config/repository/gateway.yml", issuer => Sent.Bearer(Ui(issuer), "/nothing/here")),
        new("another method", "route", "route_missing", 404, "the path has routes for POST", "a method that they take", issuer => Sent.Bearer(Ui(issuer), "/post")),
        new("TRACE", "request", "request_refused", 405, "does not take the method", "another method", issuer => Sent.Bearer(Ui(issuer)) with { Method = "TRACE" }),
        new("a method in small letters", "request", "request_refused", 405, "does not take the method", "another method", issuer => Sent.Bearer(Ui(issuer)) with { Method = "get" }),
        new("another host", "request", "request_refused", 421, "This host is not served here", "gateway:hosts", issuer => Sent.Bearer(Ui(issuer)) with { Host = "evil.example" }),
        new("a dot segment", "request", "request_refused", 400, "dot segment", "every reader reads the same way", issuer => Sent.Bearer(Ui(issuer), "/accounts/../accounts/x")),
        new("an escaped slash", "request", "request_refused", 400, "an escape that is not accepted here", "every reader", issuer => Sent.Bearer(Ui(issuer), "/accounts/a%2fb")),
        new("an empty segment", "request", "request_refused", 400, "an empty segment", "every reader", issuer => Sent.Bearer(Ui(issuer), "/accounts//current")),
        new("an absolute target", "request", "request_refused", 400, "The request target must be a path", "every reader", issuer => Sent.Bearer(Ui(issuer), "http://localhost/accounts/current") with { Host = "localhost" }),
        new("two transfer codings", "request", "request_refused", 400, "The transfer coding is not accepted here", "every reader", issuer => Sent.Bearer(Ui(issuer)) with { Method = "POST", Headers = ["Transfer-Encoding: gzip, chunked"] }),

        // Where it goes
        new("no instance", "destination", "destination_failed", 503, "no instance of nobody-service is UP", "start an instance of nobody-service", issuer => Sent.Bearer(Ui(issuer), "/nobody")),
        new("a dead instance", "destination", "destination_failed", 502, "(tried: ", "log of dead-service", issuer => Sent.Bearer(Ui(issuer), "/dead")),
        new("an instance that says nothing", "destination", "destination_failed", 504, "(tried: ", "log of slow-service", issuer => Sent.Bearer(Ui(issuer), "/slow")),
        new("an instance that hangs up", "destination", "destination_failed", 502, "(tried: ", "log of broken-service", issuer => Sent.Bearer(Ui(issuer), "/broken")),
        new("a service that says 401", "service", null, 401, "refusing-service answered 401", "what refusing-service says", issuer => Sent.Bearer(Ui(issuer), "/refusing/401")),
        new("a service that says 403", "service", null, 403, "refusing-service answered 403", "what refusing-service says", issuer => Sent.Bearer(Ui(issuer), "/refusing/403")),
        new("a service that takes another method", "service", null, 405, "refusing-service answered 405", "use a method that refusing-service takes", issuer => Sent.Bearer(Ui(issuer), "/refusing/405")),
        new("a service that takes no more", "service", null, 429, "refusing-service answered 429", "Retry-After", issuer => Sent.Bearer(Ui(issuer), "/refusing/429")),
        new("a service that is not the one for the host", "service", null, 421, "refusing-service answered 421", "what refusing-service says", issuer => Sent.Bearer(Ui(issuer), "/refusing/421")),
        new("a service that asks for a credential itself", "service", null, 401, "refusing-service answered 401", "what refusing-service says", _ => new("/refusing-all/401")),
        new("a service that fails whoever asks", "service", null, 500, "refusing-service answered 500", "log of refusing-service", _ => new("/refusing-all/500")),
        new("a service that fails", "service", null, 500, "refusing-service answered 500", "log of refusing-service", issuer => Sent.Bearer(Ui(issuer), "/refusing/500")),
    ];

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    private static (string Key, string Value)[] Route(string id, string path, params (string Field, string Value)[] fields)
    {
        var route = new Dictionary<string, string> { ["path"] = path, ["service"] = "account-service", ["scopes:0"] = "ui" };
        foreach (var (field, value) in fields) route[field] = value;
        return [.. route.Select(field => ($"gateway:routes:{id}:{field.Key}", field.Value))];
    }

    private static string Ui(TestIssuer issuer) => issuer.UserToken("alice", "ui");

    private static Dictionary<string, object> UiClaims(TestIssuer issuer) => issuer.Claims(("scope", new[] { "ui" }));

    private static string Basic(string user, string password) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));

    private static string Bound(TestIssuer issuer) =>
        issuer.Token(("scope", new[] { "ui" }), ("cnf", new Dictionary<string, object> { ["jkt"] = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }));

    private static Sent Revoked(TestIssuer issuer, string kind, string subject, (string, object?) claim)
    {
        issuer.Auth.Revoke(kind, subject, kind is "user" or "client" ? Now + 5 : null);
        return Sent.Bearer(issuer.Token(("scope", new[] { "ui" }), claim));
    }

    private static string Tampered(TestIssuer issuer)
    {
        var parts = issuer.UserToken("alice", "openid").Split('.');
        var claims = JsonSerializer.Deserialize<Dictionary<string, object>>(Base64UrlEncoder.DecodeBytes(parts[1]))!;
        claims["scope"] = new[] { "ui" };
        return $"{parts[0]}.{Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}.{parts[2]}";
    }

    private static string Twice(TestIssuer issuer)
    {
        var header = Base64UrlEncoder.Encode($$"""{"alg":"ES256","typ":"at+jwt","kid":"{{issuer.Key.Kid}}"}""");
        var claims = JsonSerializer.Serialize(UiClaims(issuer));
        var input = header + "." + Base64UrlEncoder.Encode(claims[..^1] + ",\"sub\":\"another\"}");
        return input + "." + Base64UrlEncoder.Encode(issuer.Key.EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }
}
