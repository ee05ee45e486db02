using System.Text.Json;

namespace SecureMesh.Auth.Tests.Token;

public sealed class PasswordGrantTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task A_user_signs_in_and_gets_the_claims_of_UAA()
    {
        var reply = await auth.SignInAsync();

        Assert.Equal(200, reply.Status);
        Assert.Equal("bearer", reply.Text("token_type"));
        Assert.Equal("ui openid", reply.Text("scope"));
        Assert.Equal(600, reply.Json.GetProperty("expires_in").GetInt32());
        Assert.Matches("^sm_rt_[A-Za-z0-9_-]{43}-r$", reply.RefreshToken);

        var claims = reply.Claims;
        Assert.Equal(reply.Text("jti"), claims.GetProperty("jti").GetString());
        Assert.Matches("^[0-9a-f]{32}$", claims.GetProperty("jti").GetString());
        Assert.Equal(["ui", "openid"], claims.Texts("scope"));
        Assert.Equal(["browser", "openid", "mesh://gateway"], claims.Texts("aud"));
        foreach (var name in new[] { "client_id", "cid", "azp" }) Assert.Equal("browser", claims.GetProperty(name).GetString());
        Assert.Equal(claims.GetProperty("sub").GetString(), claims.GetProperty("user_id").GetString());
        Assert.Equal("demo", claims.GetProperty("user_name").GetString());
        Assert.Equal("demo@example.com", claims.GetProperty("email").GetString());
        Assert.Equal("uaa", claims.GetProperty("origin").GetString());
        Assert.Equal("uaa", claims.GetProperty("zid").GetString());
        Assert.Equal("password", claims.GetProperty("grant_type").GetString());
        Assert.Equal("http://localhost:8080/uaa/oauth/token", claims.GetProperty("iss").GetString());
        Assert.Equal("access", claims.GetProperty("token_use").GetString());
        Assert.Equal("none", claims.GetProperty("client_auth_method").GetString());
        Assert.Matches("^[0-9a-f]{16}$", claims.GetProperty("rev_sig").GetString());
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        Assert.Equal(now, claims.GetProperty("iat").GetInt64());
        Assert.Equal(now, claims.GetProperty("auth_time").GetInt64());
        Assert.Equal(now + 600, claims.GetProperty("exp").GetInt64());
        Assert.False(claims.TryGetProperty("authorities", out _));
    }

    [Fact]
    public async Task JA_01_the_token_is_an_at_jwt_signed_by_a_published_ES256_key()
    {
        var token = (await auth.SignInAsync()).AccessToken;
        var keys = (await auth.GetAsync("uaa/token_keys")).Json;

        var header = Jwt.Header(token);
        Assert.Equal("ES256", header.GetProperty("alg").GetString());
        Assert.Equal("at+jwt", header.GetProperty("typ").GetString());
        Assert.True(Jwt.IsSignedBy(token, keys));
    }

    [Fact]
    public async Task X_01_tokens_and_refusals_are_never_cached()
    {
        foreach (var reply in new[] { await auth.SignInAsync(), await auth.SignInAsync(client: "browser:wrong") })
        {
            Assert.Equal("no-store", reply.Headers.CacheControl!.ToString());
            Assert.Equal("no-cache", reply.Headers.Pragma.ToString());
            Assert.Equal("application/json", reply.Content.ContentType!.MediaType);
        }
    }

    [Theory]
    [InlineData("demo", "wrong")]
    [InlineData("nobody", "wrong")]
    public async Task U_07_A_08_a_wrong_password_and_an_unknown_user_get_one_answer(string user, string password)
    {
        var reply = await auth.SignInAsync(user, password);

        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Bad credentials"}""", reply.Body);
        Assert.Equal("""Basic realm="UAA/client", error="unauthorized", error_description="Bad credentials" """.Trim(), reply.Challenge);
        await auth.SignInAsync();
    }

    [Fact]
    public async Task User_names_are_compared_without_regard_to_case()
    {
        Assert.Equal("demo", (await auth.SignInAsync("DEMO")).Claims.GetProperty("user_name").GetString());
    }

    [Fact]
    public async Task Without_a_scope_the_user_gets_all_that_the_client_may_have()
    {
        var reply = await auth.TokenAsync("app:appclientsecret", ("grant_type", "password"), ("username", "demo"), ("password", "demo"));

        Assert.Equal("openid ui password.write", reply.Text("scope"));
        Assert.Equal(["app", "openid", "password", "mesh://gateway"], reply.Claims.Texts("aud"));
        Assert.False(reply.Claims.TryGetProperty("client_auth_method", out _));
    }

    [Fact]
    public async Task A_scope_that_the_client_does_not_have_is_refused_and_the_allowed_ones_are_named()
    {
        var reply = await auth.SignInAsync(scope: "ui uaa.admin");

        Assert.Equal(400, reply.Status);
        Assert.Equal("""{"error":"invalid_scope","error_description":"uaa.admin is invalid. Please use a valid scope name in the request","scope":"ui openid"}""", reply.Body);
    }

    [Fact]
    public async Task A_11_scopes_are_separated_by_spaces_alone_and_with_regard_to_case()
    {
        Assert.Equal("ui", (await auth.SignInAsync(scope: "ui  ui")).Text("scope"));
        Assert.Equal(400, (await auth.SignInAsync(scope: "UI")).Status);
        Assert.Equal(400, (await auth.SignInAsync(scope: "ui,openid")).Status);
        Assert.Equal(400, (await auth.SignInAsync(scope: "ui\topenid")).Status);
    }

    [Fact]
    public async Task A_login_hint_of_another_origin_is_refused()
    {
        var reply = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("login_hint", """{"origin":"ldap"}"""));

        Assert.Equal(401, reply.Status);
        Assert.Equal("unauthorized", reply.Text("error"));
        Assert.Equal("The origin provided in the login_hint does not match an active Identity Provider, that supports password grant.", reply.Text("error_description"));
    }

    [Fact]
    public async Task X_06_a_login_hint_in_the_query_counts_but_credentials_there_are_refused()
    {
        (string, string)[] form = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];

        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/token?token_format=jwt&login_hint=%7B%22origin%22%3A%22uaa%22%7D", "browser:", form)).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/oauth/token?login_hint=%257B%2522origin%2522%253A%2522ldap%2522%257D", "browser:", form)).Status);
        var misplaced = await auth.PostAsync("uaa/oauth/token?password=demo", "browser:", ("grant_type", "password"), ("username", "demo"));
        Assert.Equal(406, misplaced.Status);
        Assert.Equal("query_string_not_allowed", misplaced.Text("error"));
    }

    [Theory]
    [InlineData("mesh://account-service")]
    [InlineData("mesh://gateway")]
    [InlineData("mesh://account-service", "mesh://auth-service")]
    public async Task RI_01_resource_replaces_the_audience(params string[] resources)
    {
        var form = new List<(string, string)> { ("grant_type", "password"), ("username", "demo"), ("password", "demo") };
        form.AddRange(resources.Select(resource => ("resource", resource)));

        var reply = await auth.TokenAsync("browser:", [.. form]);

        Assert.Equal(resources, reply.Claims.Texts("aud"));
    }

    [Theory]
    [InlineData("http://localhost:8080")]
    [InlineData("http://localhost:8080/accounts/current")]
    [InlineData("http://LOCALHOST:8080/accounts")]
    [InlineData("http://localhost:8080/accounts/current", "http://localhost:8080/accounts/demo", "mesh://gateway")]
    public async Task M_04_RI_01_the_addresses_that_the_gateway_calls_resources_stand_for_the_gateway(params string[] resources)
    {
        var reply = await auth.TokenAsync("browser:", [("grant_type", "password"), ("username", "demo"), ("password", "demo"), .. resources.Select(resource => ("resource", resource))]);

        Assert.Equal(["mesh://gateway"], reply.Claims.Texts("aud"));
    }

    [Theory]
    [InlineData("account-service")]
    [InlineData("https://example.org/")]
    [InlineData("mesh://account-service#part")]
    [InlineData("mesh://account-service/path")]
    [InlineData("mesh://Account-Service")]
    [InlineData("mesh://")]
    [InlineData("http://localhost:80801/accounts")]
    [InlineData("http://localhost:8080@elsewhere.example/")]
    [InlineData("http://localhost:8080.elsewhere.example/")]
    [InlineData("http://localhost:8080/accounts#part")]
    [InlineData("http://localhost:8080/a b")]
    [InlineData("https://localhost:8080/accounts")]
    [InlineData("http://localhost")]
    public async Task RI_01_any_other_resource_is_an_invalid_target(string resource)
    {
        var reply = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", resource));

        Assert.Equal(400, reply.Status);
        Assert.Equal("invalid_target", reply.Text("error"));
    }

    [Fact]
    public async Task A_missing_user_name_or_password_is_an_invalid_request()
    {
        foreach (var missing in new[] { "username", "password" })
        {
            var reply = await auth.TokenAsync("browser:", ("grant_type", "password"), (missing == "username" ? "password" : "username", "demo"), (missing, ""));
            Assert.Equal(400, reply.Status);
            Assert.Equal($$"""{"error":"invalid_request","error_description":"Missing parameter: {{missing}}"}""", reply.Body);
        }
    }

    [Fact]
    public async Task X_14_neither_passwords_nor_tokens_reach_the_log()
    {
        var reply = await auth.SignInAsync();
        await auth.SignInAsync("demo", "a-wrong-password-in-clear");

        Assert.Contains(auth.Logs, line => line.Contains(reply.Text("jti"), StringComparison.Ordinal));
        Assert.DoesNotContain(auth.Logs, line => line.Contains("a-wrong-password-in-clear", StringComparison.Ordinal));
        Assert.DoesNotContain(auth.Logs, line => line.Contains(reply.RefreshToken, StringComparison.Ordinal) || line.Contains(reply.AccessToken, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Expires_in_is_a_number()
    {
        Assert.Equal(JsonValueKind.Number, (await auth.SignInAsync()).Json.GetProperty("expires_in").ValueKind);
    }
}
