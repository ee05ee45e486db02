using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;

namespace SecureMesh.Cli.Tests.Login;

/// <summary>
/// A gateway with a token service behind it in miniature, over real HTTP: strict about PKCE and refresh tokens, and otherwise
/// as honest or dishonest as a test wants it.
/// </summary>
internal sealed class TokenService : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (string Challenge, string Redirect, string? Nonce, string Scope)> _codes = new();
    private readonly ConcurrentDictionary<string, bool> _refreshTokens = new();
    private readonly ConcurrentDictionary<string, bool> _accessTokens = new();
    private int _count;

    private TokenService(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    public string Issuer => Url + "/uaa/oauth/token";

    public SigningKey Key { get; } = new();

    /// <summary>Lifetime of access tokens in seconds.</summary>
    public int Life { get; set; } = 600;

    public int Refreshes => _refreshes;

    public bool FamilyIsDead { get; private set; }

    /// <summary>How long a refresh takes: wide enough for a second process to come in between.</summary>
    public TimeSpan RefreshTakes { get; set; }

    public List<string> Revoked { get; } = [];

    public Action<Dictionary<string, object>> ChangeMetadata { get; set; } = _ => { };

    public Action<Dictionary<string, string?>> ChangeCallback { get; set; } = _ => { };

    public Action<Dictionary<string, object>> ChangeIdToken { get; set; } = _ => { };

    public Func<string, string> ChangeSignedIdToken { get; set; } = token => token;

    /// <summary>What the device polls get, in order; then tokens.</summary>
    public Queue<string> DeviceAnswers { get; } = new();

    public List<DateTimeOffset> Polls { get; } = [];

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Answers of the gateway below /any; the token was checked before.</summary>
    public Func<HttpContext, Task> Any { get; set; } = http => http.Response.WriteAsync("any");

    public ConcurrentQueue<string> AuthorizationHeaders { get; } = new();

    /// <summary>Method and path of every request.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The codes that were shown to the token endpoint.</summary>
    public ConcurrentQueue<string> Codes { get; } = new();

    public Action<Dictionary<string, object>> ChangeDevice { get; set; } = _ => { };

    public IDictionary<string, string> LastAuthorization { get; private set; } = new Dictionary<string, string>();

    private int _refreshes;

    public static async Task<TokenService> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var service = new TokenService(app);
        app.Use((http, next) =>
        {
            service.Requests.Enqueue(http.Request.Method + " " + http.Request.Path);
            return next(http);
        });
        app.MapGet("/uaa/.well-known/openid-configuration", service.Metadata);
        app.MapGet("/uaa/oauth/authorize", service.Authorize);
        app.MapPost("/uaa/oauth/token", service.TokenAsync);
        app.MapGet("/uaa/token_keys", () => Results.Json(new { keys = new[] { service.Key.Public } }));
        app.MapPost("/uaa/oauth/device_authorization", service.Device);
        app.MapPost("/uaa/oauth/revoke", service.RevokeAsync);
        app.MapGet("/uaa/userinfo", service.UserInfo);
        app.Map("/any/{**rest}", service.AnyAsync);
        app.Urls.Add("http://127.0.0.1:0");
        await app.StartAsync();
        service.Url = app.Urls.First();
        return service;
    }

    /// <summary>A browser in which somebody is signed in: follows the redirect to the terminal and returns the page.</summary>
    public static async Task<(int Status, string Page)> BrowseAsync(Uri url)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var answer = await http.GetAsync(url);
        using var page = await http.GetAsync(answer.Headers.Location);
        return ((int)page.StatusCode, await page.Content.ReadAsStringAsync());
    }

    /// <summary>Ends an access token early, as a revocation does.</summary>
    public void End(string accessToken) => _accessTokens.TryRemove(accessToken, out _);

    public void EndFamily() => FamilyIsDead = true;

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private IResult Metadata()
    {
        var metadata = new Dictionary<string, object>
        {
            ["issuer"] = Issuer,
            ["authorization_endpoint"] = Url + "/uaa/oauth/authorize",
            ["token_endpoint"] = Issuer,
            ["jwks_uri"] = Url + "/uaa/token_keys",
            ["device_authorization_endpoint"] = Url + "/uaa/oauth/device_authorization",
            ["revocation_endpoint"] = Url + "/uaa/oauth/revoke",
            ["userinfo_endpoint"] = Url + "/uaa/userinfo",
            ["authorization_response_iss_parameter_supported"] = true,
        };
        ChangeMetadata(metadata);
        return Results.Json(metadata);
    }

    private IResult Authorize(HttpRequest request)
    {
        var query = request.Query.ToDictionary(p => p.Key, p => p.Value.Single()!);
        LastAuthorization = query;
        if (query["response_type"] != "code" || query["code_challenge_method"] != "S256") return Results.BadRequest();
        var code = "code-" + Interlocked.Increment(ref _count);
        _codes[code] = (query["code_challenge"], query["redirect_uri"], query.GetValueOrDefault("nonce"), query["scope"]);
        var answer = new Dictionary<string, string?> { ["code"] = code, ["state"] = query["state"], ["iss"] = Issuer };
        ChangeCallback(answer);
        var parameters = string.Join('&', answer.Where(p => p.Value is not null).Select(p => $"{p.Key}={Uri.EscapeDataString(p.Value!)}"));
        return Results.Redirect($"{query["redirect_uri"]}?{parameters}");
    }

    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        switch (form["grant_type"])
        {
            case "authorization_code":
                Codes.Enqueue(form["code"].ToString());
                if (!_codes.TryRemove(form["code"].ToString(), out var code) || code.Redirect != form["redirect_uri"]) return Refused("invalid_grant", "Invalid authorization code");
                var challenge = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
                return challenge == code.Challenge ? Tokens(code.Scope, code.Nonce, withIdToken: true) : Refused("invalid_grant", "Invalid code verifier");
            case "urn:ietf:params:oauth:grant-type:device_code":
                Polls.Add(Clock.GetUtcNow());
                if (form["device_code"] != "the-device-code") return Refused("invalid_grant", "unknown");
                return DeviceAnswers.TryDequeue(out var error) ? Refused(error, error) : Tokens("openid ui", null, withIdToken: true);
            case "client_credentials":
                var expected = "Basic " + Convert.ToBase64String("admin:s3cret%25"u8);
                return request.Headers.Authorization == expected ? Tokens("uaa.admin", null, withIdToken: false) : Refused("invalid_client", "Bad client credentials", 401);
            case "refresh_token":
                return await RefreshAsync(form["refresh_token"].ToString());
            default:
                return Refused("unsupported_grant_type", "Unsupported grant type");
        }
    }

    private async Task<IResult> RefreshAsync(string token)
    {
        Interlocked.Increment(ref _refreshes);
        // Each refresh token is good once; a second use ends the family, as after a theft.
        if (!_refreshTokens.TryUpdate(token, false, true)) FamilyIsDead = true;
        if (FamilyIsDead) return Refused("invalid_token", "The token expired, was revoked, or the token ID is incorrect.", 401);
        await Task.Delay(RefreshTakes);
        return Tokens("openid ui", null, withIdToken: false);
    }

    private IResult Tokens(string scope, string? nonce, bool withIdToken)
    {
        var number = Interlocked.Increment(ref _count);
        var (access, refresh) = ($"access-{number}", $"refresh-{number}");
        _accessTokens[access] = true;
        _refreshTokens[refresh] = true;
        var answer = new Dictionary<string, object>
        {
            ["access_token"] = access,
            ["token_type"] = "bearer",
            ["expires_in"] = Life,
            ["scope"] = scope,
            ["refresh_token"] = refresh,
        };
        if (withIdToken) answer["id_token"] = IdToken(nonce, access);
        return Results.Json(answer);
    }

    private string IdToken(string? nonce, string access)
    {
        var now = Clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>
        {
            ["iss"] = Issuer,
            ["sub"] = "id-of-demo",
            ["aud"] = new[] { "mesh-cli" },
            ["exp"] = now + 600,
            ["iat"] = now,
            ["user_name"] = "demo",
            ["at_hash"] = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(access))[..16]),
        };
        if (nonce is not null) claims["nonce"] = nonce;
        ChangeIdToken(claims);
        return ChangeSignedIdToken(TestIssuer.Sign(Key, claims, "JWT"));
    }

    private IResult Device()
    {
        var answer = new Dictionary<string, object>
        {
            ["device_code"] = "the-device-code",
            ["user_code"] = "BCDF-GHJK",
            ["verification_uri"] = Url + "/uaa/device",
            ["verification_uri_complete"] = Url + "/uaa/device?user_code=BCDF-GHJK",
            ["expires_in"] = 600,
            ["interval"] = 5,
        };
        ChangeDevice(answer);
        return Results.Json(answer);
    }

    private async Task<IResult> RevokeAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        if (form["client_id"] != "mesh-cli") return Refused("invalid_client", "Bad client credentials", 401);
        Revoked.Add(form["token"].ToString());
        return Results.Ok();
    }

    private IResult UserInfo(HttpRequest request) => IsGood(request)
        ? Results.Json(new { sub = "id-of-demo", user_id = "id-of-demo", user_name = "demo", email = "demo@example.com", name = "Demo User" })
        : Unauthorized(request.HttpContext);

    private async Task AnyAsync(HttpContext http)
    {
        AuthorizationHeaders.Enqueue(http.Request.Headers.Authorization.ToString());
        if (IsGood(http.Request)) await Any(http);
        else await Unauthorized(http).ExecuteAsync(http);
    }

    private bool IsGood(HttpRequest request) =>
        request.Headers.Authorization.ToString() is { } header && header.StartsWith("Bearer ", StringComparison.Ordinal) && _accessTokens.ContainsKey(header[7..]);

    private static IResult Unauthorized(HttpContext http)
    {
        http.Response.Headers.WWWAuthenticate = "Bearer realm=\"securemesh\", error=\"invalid_token\", error_description=\"The access token expired\"";
        return Results.Json(new { status = 401, error = "invalid_token", detail = "The access token expired", traceId = new string('a', 32) }, contentType: "application/problem+json", statusCode: 401);
    }

    private static IResult Refused(string error, string description, int status = 400) =>
        Results.Json(new { error, error_description = description }, statusCode: status);
}
