using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;

namespace SecureMesh.Auth.Tests.Login;

/// <summary>An application that sends people to sign in, with secret <c>secret</c> and redirect <c>https://app.example/callback</c>.</summary>
internal static class App
{
    public const string Callback = "https://app.example/callback";

    public static async Task<Client> AddAsync(DemoAuth auth, string id, Func<Client, Client>? change = null)
    {
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = "App " + id,
            SecretHash = ClientSecret.FromSha256(Convert.ToHexString(SHA256.HashData("secret"u8))),
            GrantTypes = ["authorization_code", "refresh_token"],
            Scopes = ["openid", "profile", "email", "ui", "offline_access", "oauth.approvals"],
            Authorities = [],
            RedirectUris = [Callback],
            TokenSalt = "salt",
        };
        client = change?.Invoke(client) ?? client;
        Assert.True(await auth.Services.GetRequiredService<IClients>().TryAddAsync(client, default));
        return client;
    }

    public static string Authorize(string id, string scope = "openid", string more = "") =>
        $"uaa/oauth/authorize?response_type=code&client_id={id}&redirect_uri={Uri.EscapeDataString(Callback)}&scope={Uri.EscapeDataString(scope)}&state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256{more}";

    /// <summary>Goes on until the browser is sent away or shown a page.</summary>
    public static async Task<BrowserPage> FollowAsync(this Browser browser, BrowserPage page)
    {
        for (var i = 0; i < 10 && page.Location is { } location && location.StartsWith('/'); i++) page = await browser.GetAsync(location);
        return page;
    }

    public static async Task<BrowserPage> FollowAsync(this Browser browser, string path) => await browser.FollowAsync(await browser.GetAsync(path));

    /// <summary>The code of the answer, exchanged for tokens.</summary>
    public static Task<Reply> TokensAsync(DemoAuth auth, string id, BrowserPage answer) => auth.TokenAsync(
        id + ":secret", ("grant_type", "authorization_code"), ("code", Query(answer, "code")), ("redirect_uri", Callback), ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));

    public static string Query(BrowserPage answer, string name)
    {
        var location = answer.Location ?? throw new Xunit.Sdk.XunitException($"{answer.Status} {answer.Body}");
        return System.Web.HttpUtility.ParseQueryString(new Uri(location).Query)[name] ?? throw new Xunit.Sdk.XunitException($"no {name} in {location}");
    }

    /// <summary>An id token as the service itself would sign it.</summary>
    public static string IdToken(DemoAuth auth, string client, string user, string? session, string alg = "RS256", string use = "id", long expires = 1)
    {
        var claims = $$"""{"iss":"http://localhost:8080/uaa/oauth/token","aud":["{{client}}"],"azp":"{{client}}","sub":"{{user}}",{{(session is null ? "" : $"\"sid\":\"{session}\",")}}"token_use":"{{use}}","iat":1,"exp":{{expires}}}""";
        return auth.Services.GetRequiredService<TokenSigner>().Sign("JWT", alg, Encoding.UTF8.GetBytes(claims));
    }
}
