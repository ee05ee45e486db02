using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Bench;

/// <summary>Users and clients whose tokens are revoked, and how. A revocation ends what was issued before it, so they serve again.</summary>
internal sealed class Victims(Uri auth, Uri gateway) : IDisposable
{
    public const string ClientPath = "/accounts/victim0";
    private const string UserPath = "/accounts/current";
    private const int Pool = 20;
    private const string Password = "a-password-7";

    private const string Application = "https://victim.example/callback";

    // RFC 7636, appendix B.
    private const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    private const string Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly string[] _secrets = new string[Pool];
    private AuthenticationHeaderValue? _bystander;
    private DateTimeOffset _bystanderUntil;

    public async Task PrepareAsync()
    {
        var admin = await AdminAsync();
        await CreateClientAsync(admin, "bystander");
        for (var i = 0; i < Pool; i++)
        {
            _secrets[i] = await CreateClientAsync(admin, $"victim-{i}");
            using var answer = await PostAsync(new Uri(gateway, "/accounts/"), null, JsonBody($$"""{"username":"victim{{i}}","password":"{{Password}}"}"""));
        }
    }

    public async Task<AuthenticationHeaderValue> BystanderAsync()
    {
        if (_bystander is null || _bystanderUntil < TimeProvider.System.GetUtcNow())
        {
            using var answer = await TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("scope", "server"));
            _bystander = Bearer(answer);
            _bystanderUntil = TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(5);
        }
        return _bystander;
    }

    public async Task<Trial> RunAsync(string kind, int number, Load load)
    {
        var at = number % Pool;
        var client = $"victim-{at}:{_secrets[at]}";
        var browser = new Browser(_http, auth);
        using var tokens = kind switch
        {
            "grant" or "user" => await TokenAsync(client, ("grant_type", "password"), ("username", $"victim{at}"), ("password", Password), ("scope", "ui")),
            "session" => await SignInAsync(browser, client, $"victim{at}"),
            _ => await TokenAsync(client, ("grant_type", "client_credentials")),
        };
        var trial = new Trial(Bearer(tokens), kind is "grant" or "user" or "session" ? UserPath : ClientPath, load.Doors);
        load.Current = trial;
        await trial.AcceptedEverywhereAsync();
        var admin = kind is "user" or "client" or "key" ? await AdminAsync() : null;
        if (kind == "session") await browser.FollowAsync("/uaa/logout.do?id_token_hint=" + Text(tokens, "id_token"));
        else await RevokeAsync(kind, client, tokens, admin);
        trial.Revoked();
        await trial.RefusedEverywhereAsync();
        if (kind == "key") _bystander = null;
        return trial;
    }

    public void Dispose() => _http.Dispose();

    // In a browser, so that the token belongs to a session.
    private async Task<JsonDocument> SignInAsync(Browser browser, string client, string user)
    {
        await browser.SignInAsync(user, Password);
        var target = await browser.FollowAsync(
            $"/uaa/oauth/authorize?response_type=code&client_id={client.Split(':')[0]}&redirect_uri={Uri.EscapeDataString(Application)}&scope=openid%20ui&code_challenge={Challenge}&code_challenge_method=S256");
        var code = target.Query.TrimStart('?').Split('&').Single(pair => pair.StartsWith("code=", StringComparison.Ordinal))["code=".Length..];
        return await TokenAsync(client, ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Application), ("code_verifier", Verifier));
    }

    private async Task RevokeAsync(string kind, string client, JsonDocument tokens, AuthenticationHeaderValue? admin)
    {
        (string Path, AuthenticationHeaderValue? Authorization, HttpContent? Content) call = kind switch
        {
            "token" => ("/uaa/oauth/revoke", Basic(client), Form([("token", Text(tokens, "access_token"))])),
            "grant" => ("/uaa/oauth/revoke", Basic(client), Form([("token", Text(tokens, "refresh_token"))])),
            "user" => ("/uaa/oauth/token/revoke/user/" + UserId(Text(tokens, "access_token")), admin, null),
            "client" => ("/uaa/oauth/token/revoke/client/" + client.Split(':')[0], admin, null),
            "key" => ("/uaa/keys/rotate", admin, JsonBody("""{"emergency":true}""")),
            _ => throw new ArgumentException($"there is no kind '{kind}'"),
        };
        using var answer = await PostAsync(new Uri(auth, call.Path), call.Authorization, call.Content);
    }

    private async Task<string> CreateClientAsync(AuthenticationHeaderValue admin, string id)
    {
        using var answer = await PostAsync(new Uri(auth, "/uaa/oauth/clients"), admin, JsonBody($$"""
            {
              "client_id": "{{id}}", "generate_secret": true, "authorized_grant_types": ["client_credentials", "password", "refresh_token", "authorization_code"],
              "scope": ["ui", "openid"], "authorities": ["server"], "autoapprove": true, "redirect_uri": ["{{Application}}"]
            }
            """));
        using var client = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return Text(client, "client_secret");
    }

    private async Task<AuthenticationHeaderValue> AdminAsync()
    {
        using var answer = await SendTokenAsync("admin:adminsecret", [("grant_type", "client_credentials")]);
        return Bearer(answer);
    }

    // Good at the gateways and at the services themselves.
    private Task<JsonDocument> TokenAsync(string basic, params (string Name, string Value)[] form) =>
        SendTokenAsync(basic, [.. form, ("resource", "mesh://gateway"), ("resource", "mesh://account-service")]);

    private async Task<JsonDocument> SendTokenAsync(string basic, (string Name, string Value)[] form)
    {
        using var answer = await PostAsync(new Uri(auth, "/uaa/oauth/token"), Basic(basic), Form(form));
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> PostAsync(Uri url, AuthenticationHeaderValue? authorization, HttpContent? content)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.Authorization = authorization;
        var answer = await _http.SendAsync(request);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{url}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return answer;
    }

    private static string UserId(string token)
    {
        var payload = token.Split('.')[1].Replace('-', '+').Replace('_', '/');
        using var claims = JsonDocument.Parse(Convert.FromBase64String(payload.PadRight((payload.Length + 3) / 4 * 4, '=')));
        return Text(claims, "user_id");
    }

    private static string Text(JsonDocument json, string member) => json.RootElement.GetProperty(member).GetString()!;

    private static AuthenticationHeaderValue Bearer(JsonDocument tokens) => new("Bearer", Text(tokens, "access_token"));

    private static AuthenticationHeaderValue Basic(string credential) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credential)));

    private static FormUrlEncodedContent Form((string Name, string Value)[] fields) => new(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));

    private static StringContent JsonBody(string json) => new(json, Encoding.UTF8, "application/json");
}
