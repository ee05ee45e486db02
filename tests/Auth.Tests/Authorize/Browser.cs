using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Tests.Authorize;

/// <summary>One browser: it keeps cookies and follows redirects only when told.</summary>
internal sealed class Browser(DemoAuth auth)
{
    public const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    public const string Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    public const string AppUri = "http://localhost:8080/app/";
    public const string WebUri = "http://localhost:8080/login/callback";

    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, string> Cookies => _cookies;

    /// <summary>The plainest request there is, by the demo's application without PKCE.</summary>
    public static (string, string)[] App(params (string, string)[] more) =>
        With([("client_id", "app"), ("response_type", "code"), ("redirect_uri", AppUri), ("scope", "openid"), ("state", "st")], more);

    /// <summary>The gateway's own request: approved beforehand, with PKCE.</summary>
    public static (string, string)[] Web(params (string, string)[] more) => With(
        [("client_id", "web"), ("response_type", "code"), ("redirect_uri", WebUri), ("scope", "openid"), ("state", "st"), ("code_challenge", Challenge), ("code_challenge_method", "S256")], more);

    // A later pair takes the place of an earlier one; an empty value takes it out.
    public static (string, string)[] With((string, string)[] pairs, params (string, string)[] more) =>
        [.. pairs.Where(pair => more.All(other => other.Item1 != pair.Item1)), .. more.Where(pair => pair.Item2.Length > 0)];

    public static string Query(IEnumerable<(string, string)> parameters) =>
        string.Join('&', parameters.Select(pair => $"{Uri.EscapeDataString(pair.Item1)}={Uri.EscapeDataString(pair.Item2)}"));

    public Task<Page> AuthorizeAsync(params (string, string)[] parameters) => GetAsync("uaa/oauth/authorize?" + Query(parameters));

    public Task<Page> ResumeAsync(string transaction) => GetAsync("uaa/oauth/authorize/resume?transaction=" + transaction);

    public Task<Page> GetAsync(string path, string accept = "text/html") => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), accept);

    /// <summary>A form; one of another site brings no cookies along (SameSite=Lax).</summary>
    public Task<Page> PostAsync(string path, bool crossSite, params (string, string)[] form) => SendAsync(
        new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2))) }, "text/html", crossSite);

    public async Task<Page> SendAsync(HttpRequestMessage request, string accept = "text/html", bool withoutCookies = false)
    {
        using (request)
        {
            if (accept.Length > 0) request.Headers.TryAddWithoutValidation("Accept", accept);
            if (!withoutCookies && _cookies.Count > 0) request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}")));
            using var response = await auth.Http.SendAsync(request);
            if (response.Headers.TryGetValues("Set-Cookie", out var set)) Keep(set!);
            return new Page(await Reply.ReadAsync(response));
        }
    }

    /// <summary>Signs a person in at this browser, as the page does after the password.</summary>
    public async Task<Session> SignInAsync(string name = "demo")
    {
        var user = await auth.Services.GetRequiredService<IUsers>().FindByNameAsync("uaa", name, default);
        var http = Context();
        var session = await auth.Services.GetRequiredService<ISessions>().StartAsync(http, user!, ["pwd"], default);
        Keep(http.Response.Headers.SetCookie);
        return session;
    }

    /// <summary>A request of this browser, for what the pages call.</summary>
    public HttpContext Context()
    {
        var http = new DefaultHttpContext { RequestServices = auth.Services };
        http.Connection.RemoteIpAddress = IPAddress.Loopback;
        if (_cookies.Count > 0) http.Request.Headers.Cookie = string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}"));
        return http;
    }

    private void Keep(IEnumerable<string?> set)
    {
        foreach (var line in set)
        {
            var pair = line!.Split(';')[0];
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            _cookies[pair[..equals]] = pair[(equals + 1)..];
        }
    }
}

/// <summary>What a browser got.</summary>
internal sealed record Page(Reply Reply)
{
    public int Status => Reply.Status;

    public string Body => Reply.Body;

    public string? Location => Reply.Headers.TryGetValues("Location", out var values) ? values.Single() : null;

    /// <summary>What stands behind ? or #.</summary>
    public IReadOnlyDictionary<string, string> Parameters => Location is { } location && location.AsSpan().IndexOfAny('?', '#') is >= 0 and var at
        ? location[(at + 1)..].Split('&').Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => Uri.UnescapeDataString(part[1]), StringComparer.Ordinal)
        : throw new Xunit.Sdk.XunitException($"no parameters in {Status} {Location} {Body}");

    public string this[string name] => Parameters.TryGetValue(name, out var value) ? value : throw new Xunit.Sdk.XunitException($"no {name} in {Location}");

    public string Code => this["code"];

    public string? Error => Parameters.GetValueOrDefault("error");

    public string Transaction => this["transaction"];

    public string Header(string name) => Reply.Headers.TryGetValues(name, out var values) || Reply.Content.TryGetValues(name, out values) ? string.Join(", ", values) : "";
}

internal static class AuthorizeExtensions
{
    /// <summary>Registers a client with the secret <c>secret</c>.</summary>
    public static async Task RegisterAsync(this DemoAuth auth, string id, string grants = "authorization_code refresh_token", string scopes = "openid profile email offline_access ui",
        string[]? redirects = null, ClientMetadata? metadata = null, bool isPublic = false, bool autoApprove = true, string wire = "uaa")
    {
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = id,
            GrantTypes = Words.Split(grants),
            Scopes = Words.Split(scopes),
            Authorities = [],
            RedirectUris = redirects ?? ["https://client.example/cb"],
            AutoApprove = autoApprove ? Words.Split(scopes) : [],
            AllowPublic = isPublic,
            SecretHash = isPublic ? null : ClientSecret.FromSha256(Convert.ToHexString(SHA256.HashData("secret"u8))),
            TokenSalt = "salt",
            Wire = wire,
            Metadata = metadata ?? new ClientMetadata { RequirePkce = false },
        };
        Assert.True(await auth.Services.GetRequiredService<IClients>().TryAddAsync(client, default));
    }

    /// <summary>Exchanges a code of the demo's application.</summary>
    public static Task<Reply> RedeemAsync(this DemoAuth auth, string code, string basic = "app:appclientsecret", string redirectUri = Browser.AppUri, params (string, string)[] more) =>
        auth.TokenAsync(basic, Browser.With([("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectUri)], more));

    public static string S256(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    public static string HalfHash(string value) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(value)).AsSpan(0, 16));
}
