using System.Text.RegularExpressions;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class CodeFlowTests
{
    private const string Issuer = "http://localhost:8080/uaa/oauth/token";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task OP_B_01_OP_B_38_IS_01_A_12_K_03_the_whole_flow(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(Browser.Web(("nonce", "n-1"), ("scope", "openid email")));
        var tokens = await auth.RedeemAsync(answer.Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.Equal(302, answer.Status);
        Assert.StartsWith(Browser.WebUri + "?", answer.Location, StringComparison.Ordinal);
        Assert.Equal(["code", "iss", "state"], answer.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(Issuer, answer["iss"]);
        Assert.Equal("st", answer["state"]);
        Assert.Equal(43, answer.Code.Length);
        Assert.Contains("no-store", answer.Header("Cache-Control"), StringComparison.Ordinal);
        Assert.Equal(200, tokens.Status);
        Assert.Equal("openid email", tokens.Text("scope"));
        Assert.Equal(600, tokens.Json.GetProperty("expires_in").GetInt32());
        var access = tokens.Claims;
        Assert.Equal("authorization_code", access.GetProperty("grant_type").GetString());
        Assert.Equal(session.Id, access.GetProperty("sid").GetString());
        Assert.Equal(32, access.GetProperty("grant_id").GetString()!.Length);
        Assert.Equal(["pwd"], access.Texts("amr"));
        var id = Jwt.Payload(tokens.Text("id_token"));
        Assert.Equal(Issuer, id.GetProperty("iss").GetString());
        Assert.Equal(["web"], id.Texts("aud"));
        Assert.Equal(access.GetProperty("sub").GetString(), id.GetProperty("sub").GetString());
        Assert.Equal("n-1", id.GetProperty("nonce").GetString());
        Assert.Equal("id", id.GetProperty("token_use").GetString());
        Assert.Equal(session.Id, id.GetProperty("sid").GetString());
        Assert.Equal(session.AuthTime.ToUnixTimeSeconds(), id.GetProperty("auth_time").GetInt64());
        Assert.Equal(AuthorizeExtensions.HalfHash(tokens.AccessToken), id.GetProperty("at_hash").GetString());
        Assert.Equal("demo@example.com", id.GetProperty("email").GetString());
        Assert.Equal("JWT", Jwt.Header(tokens.Text("id_token")).GetProperty("typ").GetString());
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Status);
    }

    [Fact]
    public async Task OP_B_14_OP_B_22_F2_09_X_05_order_and_unknown_parameters_do_not_matter()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync([.. Browser.Web(("extra", "foobar"), ("scope", "email openid")).Reverse()]);
        var tokens = await auth.RedeemAsync(answer.Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.Equal(["email", "openid"], tokens.Text("scope").Split(' ').Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("display", "page", "OP_B_15")]
    [InlineData("display", "popup", "OP_B_16")]
    [InlineData("login_hint", "demo", "OP_B_24")]
    [InlineData("login_hint", "{\"origin\":\"uaa\"}", "UAA")]
    [InlineData("ui_locales", "se", "OP_B_25")]
    [InlineData("claims_locales", "se", "OP_B_26")]
    [InlineData("acr_values", "1 2", "OP_B_27")]
    public async Task OP_B_15_OP_B_16_OP_B_24_OP_B_25_OP_B_26_OP_B_27_polite_parameters_change_nothing(string name, string value, string row)
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.True((await browser.AuthorizeAsync(Browser.Web((name, value)))).Code.Length == 43, row);
    }

    [Fact]
    public async Task OP_B_08_F2_05_without_nonce_the_id_token_has_none()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var tokens = await auth.RedeemAsync((await browser.AuthorizeAsync(Browser.Web())).Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.False(Jwt.Payload(tokens.Text("id_token")).TryGetProperty("nonce", out _));
        Assert.False(tokens.Claims.TryGetProperty("nonce", out _));
    }

    [Fact]
    public async Task F2_04_without_state_none_comes_back()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(Browser.Web(("state", "")));

        Assert.Equal(["code", "iss"], answer.Parameters.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(384)]
    [InlineData(512)]
    public async Task F2_06_F2_07_a_long_nonce_comes_back_whole(int length)
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var nonce = new string('n', length - 1) + "x";

        var tokens = await auth.RedeemAsync((await browser.AuthorizeAsync(Browser.Web(("nonce", nonce)))).Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.Equal(nonce, Jwt.Payload(tokens.Text("id_token")).GetProperty("nonce").GetString());
    }

    [Fact]
    public async Task F2_07_F2_08_what_is_too_long_is_refused_and_never_cut()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var longest = new string('s', 2048);

        var whole = await browser.AuthorizeAsync(Browser.Web(("state", longest)));
        var state = await browser.AuthorizeAsync(Browser.Web(("state", longest + "s")));
        var nonce = await browser.AuthorizeAsync(Browser.Web(("nonce", new string('n', 513))));

        Assert.Equal(longest, whole["state"]);
        Assert.Equal("invalid_request", state.Error);
        Assert.False(state.Parameters.ContainsKey("state"));
        Assert.Equal("invalid_request", nonce.Error);
        Assert.Equal("st", nonce["state"]);
    }

    [Fact]
    public async Task OP_B_31_B_05_X_09_a_form_of_another_site_works_and_finds_the_session()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var posted = await browser.PostAsync("uaa/oauth/authorize", crossSite: true, Browser.Web());
        var answer = await browser.GetAsync(posted.Location![1..]);
        var stranger = await new Browser(auth).GetAsync(posted.Location[1..]);

        Assert.Equal(303, posted.Status);
        Assert.StartsWith("/uaa/oauth/authorize/resume?transaction=", posted.Location, StringComparison.Ordinal);
        Assert.Equal(43, answer.Code.Length);
        Assert.Equal(400, stranger.Status);
    }

    [Fact]
    public async Task OP_B_32_the_secret_in_the_form_will_do()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(Browser.Web())).Code;

        var tokens = await auth.PostAsync("uaa/oauth/token", null, ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Browser.WebUri),
            ("code_verifier", Browser.Verifier), ("client_id", "web"), ("client_secret", "web-secret"));

        Assert.Equal(200, tokens.Status);
    }

    [Fact]
    public async Task OP_B_03_the_id_token_is_signed_RS256_unless_the_client_says_otherwise()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("elliptic", metadata: new() { RequirePkce = false, IdTokenSignedResponseAlg = "ES256" });
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var usual = await auth.RedeemAsync((await browser.AuthorizeAsync(Browser.Web())).Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
        var own = await auth.RedeemAsync((await browser.AuthorizeAsync(("client_id", "elliptic"), ("response_type", "code"), ("scope", "openid"))).Code, "elliptic:secret", "");

        Assert.Equal("RS256", Jwt.Header(usual.Text("id_token")).GetProperty("alg").GetString());
        Assert.False(string.IsNullOrEmpty(Jwt.Header(usual.Text("id_token")).GetProperty("kid").GetString()));
        Assert.Equal("ES256", Jwt.Header(own.Text("id_token")).GetProperty("alg").GetString());
        Assert.True(Jwt.IsSignedBy(own.Text("id_token"), (await auth.GetAsync("uaa/token_keys")).Json));
    }

    [Fact]
    public async Task K_04_the_id_token_ends_with_the_access_token_in_uaas_mode_and_after_ten_minutes_by_the_standard()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("uaa-like");
        await auth.RegisterAsync("strict", wire: "rfc");
        await auth.ExecuteAsync("UPDATE clients SET access_token_validity = 3600 WHERE client_id IN ('uaa-like', 'strict')");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        async Task<long> LifeAsync(string id)
        {
            var tokens = await auth.RedeemAsync((await browser.AuthorizeAsync(("client_id", id), ("response_type", "code"), ("scope", "openid"))).Code, id + ":secret", "");
            Assert.Equal(3600, tokens.Json.GetProperty("expires_in").GetInt64());
            var claims = Jwt.Payload(tokens.Text("id_token"));
            return claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64();
        }

        Assert.Equal(3600, await LifeAsync("uaa-like"));
        Assert.Equal(600, await LifeAsync("strict"));
    }

    [Fact]
    public async Task OP_B_37_a_refreshed_id_token_tells_of_the_same_sign_in()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var first = await auth.RedeemAsync((await browser.AuthorizeAsync(Browser.Web(("nonce", "n")))).Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
        auth.Clock.Advance(TimeSpan.FromMinutes(9));

        var second = await auth.RefreshAsync(first.RefreshToken, "web:web-secret");

        var (before, after) = (Jwt.Payload(first.Text("id_token")), Jwt.Payload(second.Text("id_token")));
        foreach (var claim in new[] { "iss", "sub", "azp", "sid", "auth_time" }) Assert.Equal(before.GetProperty(claim).ToString(), after.GetProperty(claim).ToString());
        Assert.Equal(before.Texts("aud"), after.Texts("aud"));
        Assert.Equal(540, after.GetProperty("iat").GetInt64() - before.GetProperty("iat").GetInt64());
        Assert.False(after.TryGetProperty("nonce", out _));
        Assert.Equal(AuthorizeExtensions.HalfHash(second.AccessToken), after.GetProperty("at_hash").GetString());
        Assert.Equal(first.Claims.GetProperty("grant_id").GetString(), second.Claims.GetProperty("grant_id").GetString());
    }

    [Fact]
    public async Task An_id_token_comes_with_the_password_too_and_only_for_openid()
    {
        await using var auth = await DemoAuth.StartAsync();

        var with = await auth.SignInAsync();
        var without = await auth.SignInAsync(scope: "ui");

        Assert.Equal(["pwd"], Jwt.Payload(with.Text("id_token")).Texts("amr"));
        Assert.False(without.Json.TryGetProperty("id_token", out _));
    }

    [Fact]
    public async Task U_14_F2_10_wire_rfc_tells_in_the_id_token_only_what_scopes_and_the_claims_parameter_allow()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("strict", wire: "rfc");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        (string, string)[] ask = [("client_id", "strict"), ("response_type", "code"), ("scope", "openid email")];

        var bare = await auth.RedeemAsync((await browser.AuthorizeAsync(ask)).Code, "strict:secret", "");
        var named = await auth.RedeemAsync((await browser.AuthorizeAsync([.. ask, ("claims", """{"id_token":{"email":null,"given_name":{"essential":true},"unheard_of":null}}""")])).Code, "strict:secret", "");

        Assert.False(Jwt.Payload(bare.Text("id_token")).TryGetProperty("email", out _));
        Assert.False(Jwt.Payload(bare.Text("id_token")).TryGetProperty("user_name", out _));
        Assert.Equal("demo@example.com", Jwt.Payload(named.Text("id_token")).GetProperty("email").GetString());
        // profile was not granted: the parameter picks, it opens nothing.
        Assert.False(Jwt.Payload(named.Text("id_token")).TryGetProperty("given_name", out _));
        Assert.DoesNotContain("unheard_of", Regex.Unescape(Jwt.Payload(named.Text("id_token")).ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task U_14_O_05_wire_rfc_gets_from_userinfo_what_the_scopes_allow()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("strict", wire: "rfc");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        async Task<string[]> ToldAsync(string scope)
        {
            var code = (await browser.AuthorizeAsync([("client_id", "strict"), ("response_type", "code"), ("scope", scope)])).Code;
            var told = await auth.GetAsync("uaa/userinfo", (await auth.RedeemAsync(code, "strict:secret", "")).AccessToken);
            return [.. told.Json.EnumerateObject().Select(member => member.Name)];
        }

        Assert.Equal(["sub"], await ToldAsync("openid"));
        Assert.Equal(["sub", "email", "email_verified"], await ToldAsync("openid email"));
        Assert.Equal(["sub", "preferred_username", "name", "given_name", "family_name"], await ToldAsync("openid profile"));
    }

    [Fact]
    public async Task RI_01_the_code_carries_the_resources_and_the_token_request_narrows_them()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var query = Browser.Query(Browser.Web()) + "&resource=mesh%3A%2F%2Faccount-service&resource=mesh%3A%2F%2Fauth-service";
        async Task<string> CodeAsync() => (await browser.GetAsync("uaa/oauth/authorize?" + query)).Code;

        var all = await auth.RedeemAsync(await CodeAsync(), "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
        var one = await auth.RedeemAsync(await CodeAsync(), "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier), ("resource", "mesh://auth-service"));
        var other = await auth.RedeemAsync(await CodeAsync(), "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier), ("resource", "mesh://config"));
        var renewed = await auth.RefreshAsync(one.RefreshToken, "web:web-secret");
        var relative = await browser.AuthorizeAsync(Browser.Web(("resource", "account-service")));

        Assert.Equal(["mesh://account-service", "mesh://auth-service"], all.Claims.Texts("aud"));
        Assert.Equal(["mesh://auth-service"], one.Claims.Texts("aud"));
        Assert.Equal("invalid_target", other.Text("error"));
        Assert.Equal(["mesh://account-service", "mesh://auth-service"], renewed.Claims.Texts("aud"));
        Assert.Equal("invalid_target", relative.Error);
    }
}
