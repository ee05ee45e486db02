using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using SecureMesh.Auth.Clients;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed partial class ResponseModeTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Issuer = "http://localhost:8080/uaa/oauth/token";

    [Fact]
    public async Task OP_F_01_OP_F_02_OP_F_04_OP_F_05_IS_01_X_11_the_answer_is_a_form()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var page = await browser.AuthorizeAsync(Browser.Web(("response_mode", "form_post"), ("state", "a\"b<c&d'")));

        Assert.Equal(200, page.Status);
        Assert.Null(page.Location);
        Assert.Equal("text/html; charset=utf-8", page.Header("Content-Type"));
        Assert.Contains("no-store", page.Header("Cache-Control"), StringComparison.Ordinal);
        Assert.Contains($"<form method=\"post\" action=\"{Browser.WebUri}\">", page.Body, StringComparison.Ordinal);
        Assert.Contains("<button type=\"submit\">", page.Body, StringComparison.Ordinal);
        var inputs = Inputs(page);
        Assert.Equal(["code", "iss", "state"], inputs.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(Issuer, inputs["iss"]);
        Assert.Equal("a\"b<c&d'", inputs["state"]);
        Assert.Equal(200, (await auth.RedeemAsync(inputs["code"], "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier))).Status);
        // The only script is the one that the policy names, and the form may go to the client's origin.
        var script = ScriptPattern().Match(page.Body).Groups[1].Value;
        var policy = page.Header("Content-Security-Policy");
        Assert.Contains($"script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'", policy, StringComparison.Ordinal);
        Assert.Contains("form-action http://localhost:8080", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("DENY", page.Header("X-Frame-Options"));
        Assert.Equal("no-referrer", page.Header("Referrer-Policy"));
        Assert.Equal("nosniff", page.Header("X-Content-Type-Options"));
    }

    [Theory]
    [InlineData("prompt", "none", "login_required")]
    [InlineData("response_type", "", "invalid_request")]
    [InlineData("scope", "nonsense", "invalid_scope")]
    public async Task B_04_OP_F_03_IS_01_errors_come_as_the_same_form(string name, string value, string error)
    {
        var inputs = Inputs(await new Browser(auth).AuthorizeAsync(Browser.Web(("response_mode", "form_post"), (name, value))));

        Assert.Equal((error, "st", Issuer), (inputs["error"], inputs["state"], inputs["iss"]));
        Assert.NotEmpty(inputs["error_description"]);
    }

    [Fact]
    public async Task V_080_a_code_stands_in_a_fragment_only_for_who_registered_that()
    {
        await auth.RegisterAsync("fragment", metadata: new ClientMetadata { RequirePkce = false, ResponseModes = ["fragment"] });
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(("client_id", "fragment"), ("response_type", "code"), ("response_mode", "fragment"));

        Assert.StartsWith("https://client.example/cb#code=", answer.Location, StringComparison.Ordinal);
        Assert.Equal(Issuer, answer["iss"]);
    }

    [Fact]
    public async Task U_04_B_22_where_it_is_switched_on_tokens_come_in_the_fragment()
    {
        await auth.RegisterAsync("implicit", grants: "implicit authorization_code refresh_token");
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();
        Task<Page> AskAsync(string type, params (string, string)[] more) =>
            browser.AuthorizeAsync(Browser.With([("client_id", "implicit"), ("response_type", type), ("scope", "openid email"), ("state", "s"), ("nonce", "n")], more));

        var both = await AskAsync("token id_token");
        var alone = await AskAsync("id_token");
        var token = await AskAsync("token", ("nonce", ""));
        var hybrid = await AskAsync("id_token code");
        var query = await AskAsync("token", ("response_mode", "query"));
        var without = await AskAsync("id_token", ("nonce", ""));

        Assert.StartsWith("https://client.example/cb#", both.Location, StringComparison.Ordinal);
        Assert.Equal(["access_token", "expires_in", "id_token", "iss", "jti", "state", "token_type"], both.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("bearer", both["token_type"]);
        Assert.Equal("600", both["expires_in"]);
        var access = Jwt.Payload(both["access_token"]);
        Assert.Equal("implicit", access.GetProperty("grant_type").GetString());
        Assert.Equal(session.Id, access.GetProperty("sid").GetString());
        Assert.Equal(both["jti"], access.GetProperty("jti").GetString());
        Assert.Equal(AuthorizeExtensions.HalfHash(both["access_token"]), Jwt.Payload(both["id_token"]).GetProperty("at_hash").GetString());
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", both["access_token"])).Status);
        Assert.Equal(["id_token", "iss", "state"], alone.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("n", Jwt.Payload(alone["id_token"]).GetProperty("nonce").GetString());
        Assert.False(Jwt.Payload(alone["id_token"]).TryGetProperty("at_hash", out _));
        Assert.DoesNotContain("id_token", token.Parameters.Keys);
        Assert.Equal(AuthorizeExtensions.HalfHash(hybrid.Code), Jwt.Payload(hybrid["id_token"]).GetProperty("c_hash").GetString());
        Assert.Equal(200, (await auth.RedeemAsync(hybrid.Code, "implicit:secret", "")).Status);
        Assert.Equal("invalid_request", query.Error);
        Assert.Contains('#', query.Location!);
        Assert.Equal("invalid_request", without.Error);
    }

    [Theory]
    [InlineData("token", true)]
    [InlineData("code token", true)]
    [InlineData("id_token token", false)]
    [InlineData("code", null)]
    public async Task A_client_whose_tokens_are_bound_gets_none_from_the_front_channel(string type, bool? certificate)
    {
        var id = "bound" + type.Replace(' ', '-');
        await auth.RegisterAsync(id, grants: "implicit authorization_code refresh_token",
            metadata: new ClientMetadata { RequirePkce = false, TlsClientCertificateBoundAccessTokens = certificate != false, DpopBoundAccessTokens = certificate == false });
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(("client_id", id), ("response_type", type), ("scope", "openid"), ("nonce", "n"));

        Assert.Equal(certificate is null ? null : "unauthorized_client", answer.Error);
        Assert.False(answer.Parameters.ContainsKey("access_token"));
    }

    [Fact]
    public async Task JA_02_V_124_an_id_token_is_no_access_token()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var tokens = await auth.RedeemAsync((await browser.AuthorizeAsync(Browser.Web())).Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", tokens.Text("id_token"))).Status);
    }

    [Fact]
    public async Task OP_C_04_OP_C_06_OP_C_12_OP_C_13_OP_C_15_F2_01_M_02_the_metadata_tells_what_there_is()
    {
        var json = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;

        Assert.Equal("http://localhost:8080/uaa/oauth/authorize", json.GetProperty("authorization_endpoint").GetString());
        Assert.Equal("http://localhost:8080/uaa/oauth/par", json.GetProperty("pushed_authorization_request_endpoint").GetString());
        Assert.Equal(["code"], json.Texts("response_types_supported"));
        Assert.Equal(["query", "fragment", "form_post"], json.Texts("response_modes_supported"));
        Assert.Equal(["S256"], json.Texts("code_challenge_methods_supported"));
        Assert.Equal(["none", "login", "consent", "select_account"], json.Texts("prompt_values_supported"));
        Assert.True(json.GetProperty("authorization_response_iss_parameter_supported").GetBoolean());
        Assert.Contains("RS256", json.Texts("id_token_signing_alg_values_supported"));
        Assert.DoesNotContain("none", json.Texts("id_token_signing_alg_values_supported"));
        Assert.Contains("sub", json.Texts("claims_supported"));
        Assert.True(json.GetProperty("claims_parameter_supported").GetBoolean());
        Assert.False(json.GetProperty("request_parameter_supported").GetBoolean());
        Assert.False(json.GetProperty("request_uri_parameter_supported").GetBoolean());
        Assert.False(json.GetProperty("require_pushed_authorization_requests").GetBoolean());
        Assert.Contains("authorization_code", json.Texts("grant_types_supported"));
    }

    [Fact]
    public async Task OP_C_01_OP_C_02_OP_C_05_OP_C_08_OP_C_10_OP_C_11_the_metadata_has_the_form_that_clients_check()
    {
        var reply = await auth.GetAsync("uaa/oauth/token/.well-known/openid-configuration");
        var json = reply.Json;

        Assert.Equal(200, reply.Status);
        Assert.Equal("application/json", reply.Content.ContentType!.MediaType);
        Assert.Equal("http://localhost:8080/uaa/oauth/token", json.GetProperty("issuer").GetString());
        Assert.Equal(["public"], json.Texts("subject_types_supported"));
        Assert.NotEmpty(json.Texts("grant_types_supported"));
        Assert.Contains("openid", json.Texts("scopes_supported"));
        Assert.All(json.Texts("scopes_supported"), scope => Assert.Matches("^[!#-Z^-~]+$", scope));
        Assert.All(json.EnumerateObject().Where(member => member.Name.EndsWith("_endpoint", StringComparison.Ordinal)), member =>
            Assert.True(Uri.TryCreate(member.Value.GetString(), UriKind.Absolute, out var address) && address.Query.Length == 0 && address.Fragment.Length == 0, member.Name));
    }

    private static Dictionary<string, string> Inputs(Page page) =>
        InputPattern().Matches(page.Body).ToDictionary(match => match.Groups[1].Value, match => WebUtility.HtmlDecode(match.Groups[2].Value), StringComparer.Ordinal);

    [GeneratedRegex("<input type=\"hidden\" name=\"([a-z_]+)\" value=\"([^\"]*)\">")]
    private static partial Regex InputPattern();

    [GeneratedRegex("<script>([^<]*)</script>")]
    private static partial Regex ScriptPattern();
}
