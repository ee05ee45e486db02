using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Tests.Support;

/// <summary>
/// A token service in miniature, with a gateway: publishes keys over real HTTP at <c>/uaa/token_keys</c> and
/// <c>/uaa/passport_keys</c> and signs what a test asks for.
/// </summary>
public sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<SigningKey> _published = [];
    private readonly List<Dictionary<string, string>> _more = [];
    private readonly List<SigningKey> _announced = [];

    private TestIssuer(WebApplication app, string audience) => (_app, Audience) = (app, audience);

    /// <summary>The value of <c>iss</c>.</summary>
    public string Issuer { get; } = "http://localhost:8080/uaa/oauth/token";

    /// <summary>Base address without a final slash; what <c>mesh:auth:url</c> takes.</summary>
    public string Url { get; private set; } = "";

    /// <summary>What else is asked of auth.</summary>
    public TestAuth Auth { get; private set; } = null!;

    /// <summary>What access tokens say in <c>aud</c>, beside the client.</summary>
    public string Audience { get; }

    /// <summary>What passports say in <c>iss</c>.</summary>
    public string Gateway { get; } = "http://localhost:8080";

    /// <summary>How often the key set was fetched.</summary>
    public int KeyFetches { get; private set; }

    /// <summary>Set to answer key requests with this status instead.</summary>
    public int? FailWith { get; set; }

    /// <summary>How often the passport keys were fetched.</summary>
    public int PassportKeyFetches { get; private set; }

    /// <summary>Set to answer requests for passport keys with this status instead.</summary>
    public int? FailPassportKeysWith { get; set; }

    /// <summary>Set to keep answers with passport keys back, as they were when they were asked for.</summary>
    public Task HoldPassportKeys { get; set; } = Task.CompletedTask;

    /// <summary>The key that signs now.</summary>
    public SigningKey Key { get; private set; } = new();

    /// <summary>The gateway's key.</summary>
    public SigningKey PassportKey { get; } = new();

    /// <param name="service">The service that its access tokens are made for.</param>
    /// <param name="url">Where it listens.</param>
    public static async Task<TestIssuer> StartAsync(string service = "gateway", string url = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var issuer = new TestIssuer(app, "mesh://" + service);
        issuer._published.Add(issuer.Key);
        issuer._announced.Add(issuer.PassportKey);
        app.MapGet("/uaa/token_keys", issuer.Keys);
        issuer.Auth = new TestAuth(issuer, app);
        app.MapGet("/uaa/passport_keys", (Delegate)issuer.PassportKeys);
        app.Urls.Add(url);
        await app.StartAsync();
        issuer.Url = app.Urls.First();
        return issuer;
    }

    /// <summary>The settings that make a service trust this issuer.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings =>
        [new("mesh:issuer", Issuer), new("mesh:auth:url", Url), new("mesh:gateway:url", Gateway)];

    /// <summary>Signs with a new key from now on; the old one stays published unless it is withdrawn.</summary>
    public void Rotate(bool withdrawOld = false)
    {
        if (withdrawOld) _published.Clear();
        Key = new SigningKey();
        _published.Add(Key);
    }

    /// <summary>Publishes one more JWK, whatever it is.</summary>
    public void Publish(Dictionary<string, string> key) => _more.Add(key);

    /// <summary>Publishes a passport key.</summary>
    public void Announce(SigningKey key) => _announced.Add(key);

    /// <summary>Publishes a passport key no more.</summary>
    public void Withdraw(SigningKey key) => _announced.Remove(key);

    /// <summary>A passport as the gateway makes it for a service: the defaults, changed and extended (null removes a claim).</summary>
    public string Passport(string service, params (string Claim, object? Value)[] change) =>
        Sign(PassportKey, PassportClaims(service, change), "passport+jwt");

    /// <summary>The claims of a passport, to be signed by <see cref="Sign"/>.</summary>
    public Dictionary<string, object> PassportClaims(string service, params (string Claim, object? Value)[] change)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>
        {
            ["iss"] = Gateway,
            ["aud"] = "mesh://" + service,
            ["sub"] = "id-of-demo",
            ["iat"] = now,
            ["exp"] = now + 55,
            ["jti"] = Guid.NewGuid().ToString("n"),
            ["scope"] = Array.Empty<string>(),
            ["client_id"] = "browser",
            ["zid"] = "uaa",
            ["user_id"] = "id-of-demo",
            ["user_name"] = "demo",
            ["mode"] = "token",
            ["credential"] = "jwt",
            ["token_iat"] = now - 100,
            ["token_kid"] = Key.Kid,
        };
        return Changed(claims, change);
    }

    /// <summary>A token as auth issues it: the defaults, changed and extended by <paramref name="change"/> (null removes a claim).</summary>
    public string Token(params (string Claim, object? Value)[] change) => Sign(Key, Claims(change));

    /// <summary>A token of a user who holds the scopes.</summary>
    public string UserToken(string userName, params string[] scopes) => Token(
        ("sub", "id-of-" + userName), ("user_id", "id-of-" + userName), ("user_name", userName), ("scope", scopes),
        ("client_id", "browser"), ("cid", "browser"), ("azp", "browser"), ("grant_type", "password"));

    /// <summary>A token of a client that holds the scopes.</summary>
    public string ClientToken(string clientId, params string[] scopes) => Token(
        ("sub", clientId), ("scope", scopes), ("client_id", clientId), ("cid", clientId), ("azp", clientId));

    /// <summary>The default claims with changes, to be signed by <see cref="Sign"/>.</summary>
    public Dictionary<string, object> Claims(params (string Claim, object? Value)[] change)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>
        {
            ["jti"] = Guid.NewGuid().ToString("n"),
            ["sub"] = "app",
            ["client_id"] = "app",
            ["scope"] = Array.Empty<string>(),
            ["grant_type"] = "client_credentials",
            ["iss"] = Issuer,
            ["aud"] = new[] { "app", Audience },
            ["zid"] = "uaa",
            ["token_use"] = "access",
            ["iat"] = now,
            ["exp"] = now + 600,
        };
        return Changed(claims, change);
    }

    private static Dictionary<string, object> Changed(Dictionary<string, object> claims, (string Claim, object? Value)[] change)
    {
        foreach (var (claim, value) in change)
        {
            if (value is null) claims.Remove(claim);
            else claims[claim] = value;
        }
        return claims;
    }

    /// <summary>A compact JWS over the claims.</summary>
    public static string Sign(SigningKey key, Dictionary<string, object> claims, string typ = "at+jwt", Dictionary<string, object>? header = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        var head = new Dictionary<string, object> { ["alg"] = "ES256", ["typ"] = typ, ["kid"] = key.Kid };
        foreach (var (name, value) in header ?? []) head[name] = value;
        var input = Part(head) + "." + Part(claims);
        var signature = key.EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return input + "." + Base64UrlEncoder.Encode(signature);
    }

    private static string Part(Dictionary<string, object> json) => Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(json));

    private IResult Keys(HttpContext http)
    {
        KeyFetches++;
        if (FailWith is { } status) return Results.StatusCode(status);
        http.Response.Headers.CacheControl = "public, max-age=300";
        return Results.Json(new { keys = _published.Select(key => key.Public).Concat(_more).ToArray() });
    }

    private async Task<IResult> PassportKeys(HttpContext http)
    {
        var announced = _announced.Select(key => (object)key.Public).Concat(Auth.PassportKeys.Values.Select(key => (object)key)).ToArray();
        PassportKeyFetches++;
        await HoldPassportKeys;
        if (FailPassportKeysWith is { } status) return Results.StatusCode(status);
        http.Response.Headers.CacheControl = "public, max-age=60";
        return Results.Json(new { keys = announced });
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

/// <summary>An ES256 key pair of a test.</summary>
public sealed class SigningKey
{
    private readonly ECParameters _public;

    public SigningKey()
    {
        EC = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _public = EC.ExportParameters(false);
        Kid = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes($"{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{X}\",\"y\":\"{Y}\"}}")));
    }

    public ECDsa EC { get; }

    /// <summary>RFC 7638 thumbprint.</summary>
    public string Kid { get; }

    public string X => Base64UrlEncoder.Encode(_public.Q.X);

    public string Y => Base64UrlEncoder.Encode(_public.Q.Y);

    /// <summary>The public JWK.</summary>
    public Dictionary<string, string> Public => new() { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = X, ["y"] = Y, ["kid"] = Kid, ["use"] = "sig", ["alg"] = "ES256" };
}
