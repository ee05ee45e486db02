using System.Text.Json;

namespace SecureMesh.Auth.Tests.Inspection;

public sealed class InspectionTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Service = "account-service:account-secret";

    [Fact]
    public async Task Check_token_shows_all_claims_to_a_service()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        var reply = await auth.PostAsync("uaa/check_token", Service, ("token", token));

        Assert.Equal(200, reply.Status);
        Assert.Equal("no-store", reply.Headers.CacheControl!.ToString());
        Assert.Equal(Jwt.Payload(token).GetRawText(), reply.Json.GetRawText());
    }

    [Fact]
    public async Task Check_token_can_ask_for_scopes()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        Assert.Equal(200, (await auth.PostAsync("uaa/check_token", Service, ("token", token), ("scopes", "ui,openid"))).Status);
        var reply = await auth.PostAsync("uaa/check_token", Service, ("token", token), ("scopes", "ui,uaa.admin"));
        Assert.Equal(400, reply.Status);
        Assert.Equal("""{"error":"invalid_scope","error_description":"Some requested scopes are missing: uaa.admin"}""", reply.Body);
    }

    [Fact]
    public async Task U_09_I_01_only_clients_with_uaa_resource_may_inspect()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        foreach (var path in new[] { "uaa/check_token", "uaa/introspect" })
        {
            Assert.Equal(401, (await auth.PostAsync(path, null, ("token", token))).Status);
            Assert.Equal(401, (await auth.PostAsync(path, "account-service:wrong", ("token", token))).Status);
            var browser = await auth.PostAsync(path, "browser:", ("token", token));
            Assert.Equal(403, browser.Status);
            Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"uaa.resource"}""", browser.Body);
        }
    }

    [Fact]
    public async Task I_02_an_active_token_is_described()
    {
        var token = (await auth.SignInAsync()).AccessToken;

        var json = (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json;

        Assert.True(json.GetProperty("active").GetBoolean());
        Assert.Equal("demo", json.GetProperty("username").GetString());
        Assert.Equal(["ui", "openid"], json.Texts("scope"));
        Assert.Equal("browser", json.GetProperty("client_id").GetString());
    }

    [Fact]
    public async Task I_03_I_04_whatever_is_not_a_good_token_is_inactive_and_nothing_else()
    {
        var signIn = await auth.SignInAsync();
        var good = signIn.AccessToken;
        var parts = good.Split('.');
        foreach (var token in new[]
        {
            "x", "a.b.c", signIn.RefreshToken, good + "A", good[..^10], parts[0] + "." + parts[1] + ".",
            "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".", new string('a', 40_000),
        })
        {
            var reply = await auth.PostAsync("uaa/introspect", Service, ("token", token));
            Assert.Equal(200, reply.Status);
            Assert.Equal("""{"active":false}""", reply.Body);
            Assert.Equal(400, (await auth.PostAsync("uaa/check_token", Service, ("token", token))).Status);
        }
    }

    [Fact]
    public async Task V_052_a_token_for_another_service_is_inactive()
    {
        var other = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://config"));
        var own = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://account-service"));

        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", other.AccessToken))).Body);
        Assert.Equal("invalid_token", (await auth.PostAsync("uaa/check_token", Service, ("token", other.AccessToken))).Text("error"));
        Assert.True((await auth.PostAsync("uaa/introspect", Service, ("token", own.AccessToken))).Json.GetProperty("active").GetBoolean());
    }

    [Fact]
    public async Task A_bearer_with_uaa_resource_may_introspect()
    {
        var bearer = (await auth.TokenAsync(Service, ("grant_type", "client_credentials"), ("scope", "uaa.resource"))).AccessToken;
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/introspect") { Content = new FormUrlEncodedContent([new("token", bearer)]) };
        request.Headers.TryAddWithoutValidation("Authorization", "bearer " + bearer);

        Assert.True((await auth.SendAsync(request)).Json.GetProperty("active").GetBoolean());
    }

    [Fact]
    public async Task Userinfo_says_who_the_user_is()
    {
        await auth.SignInAsync();
        var last = auth.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        auth.Clock.Advance(TimeSpan.FromSeconds(7));
        var signIn = await auth.SignInAsync();

        var reply = await auth.GetAsync("uaa/userinfo?schema=openid", signIn.AccessToken);

        Assert.Equal(200, reply.Status);
        var id = signIn.Claims.GetProperty("sub").GetString();
        Assert.Equal(
            $$"""{"user_id":"{{id}}","sub":"{{id}}","user_name":"demo","email":"demo@example.com","email_verified":true,"name":"Demo User","given_name":"Demo","family_name":"User","previous_logon_time":{{last}}}""",
            reply.Body);
        using var post = new HttpRequestMessage(HttpMethod.Post, "uaa/userinfo");
        post.Headers.TryAddWithoutValidation("Authorization", "Bearer " + signIn.AccessToken);
        Assert.Equal(200, (await auth.SendAsync(post)).Status);
    }

    [Fact]
    public async Task OP_B_07_A_10_userinfo_takes_the_token_in_a_form_but_not_in_two_ways()
    {
        var token = (await auth.SignInAsync()).AccessToken;
        async Task<Reply> BothAsync(string header)
        {
            using var post = new HttpRequestMessage(HttpMethod.Post, "uaa/userinfo");
            post.Headers.TryAddWithoutValidation("Authorization", header);
            post.Content = new FormUrlEncodedContent([new("access_token", token)]);
            return await auth.SendAsync(post);
        }

        var form = await auth.PostAsync("uaa/userinfo", null, ("access_token", token));
        var wrong = await auth.PostAsync("uaa/userinfo", null, ("access_token", token + "x"));
        var none = await auth.PostAsync("uaa/userinfo", null);
        var query = await auth.GetAsync("uaa/userinfo?access_token=" + token);

        Assert.Equal("demo@example.com", form.Text("email"));
        Assert.Equal((401, "invalid_token"), (wrong.Status, wrong.Text("error")));
        Assert.Equal((401, "Bearer realm=\"oauth\""), (none.Status, none.Challenge));
        Assert.Equal(401, query.Status);
        foreach (var header in new[] { "Bearer " + token, "Basic YnJvd3Nlcjo=" })
        {
            var both = await BothAsync(header);
            Assert.Equal((400, "invalid_request"), (both.Status, both.Text("error")));
        }
    }

    [Fact]
    public async Task A_10_userinfo_needs_the_scope_and_the_audience_openid()
    {
        var none = await auth.GetAsync("uaa/userinfo");
        Assert.Equal(401, none.Status);
        Assert.Equal("""{"error":"unauthorized","error_description":"Full authentication is required to access this resource"}""", none.Body);
        Assert.Equal("Bearer realm=\"oauth\"", none.Challenge);

        var scope = await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync(scope: "ui")).AccessToken);
        Assert.Equal(403, scope.Status);
        Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"openid"}""", scope.Body);

        var narrowed = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://auth-service"));
        var audience = await auth.GetAsync("uaa/userinfo", narrowed.AccessToken);
        Assert.Equal(403, audience.Status);
        Assert.Equal("""{"error":"access_denied","error_description":"Invalid token does not contain resource id (openid)"}""", audience.Body);

        var foreign = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://account-service"));
        Assert.Equal("invalid_token", (await auth.GetAsync("uaa/userinfo", foreign.AccessToken)).Text("error"));
    }

    [Theory]
    [InlineData("Basic YnJvd3Nlcjo=", 401)]
    [InlineData("Bearer", 401)]
    [InlineData("Bearer ", 401)]
    [InlineData("Bearer x y", 401)]
    [InlineData("Bearer\tx", 401)]
    public async Task V_082_malformed_bearer_headers_are_refused(string header, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/userinfo");
        request.Headers.TryAddWithoutValidation("Authorization", header);

        Assert.Equal(status, (await auth.SendAsync(request)).Status);
    }

    [Fact]
    public async Task The_current_user_is_shown_without_password_and_token()
    {
        var signIn = await auth.SignInAsync();

        var reply = await auth.GetAsync("uaa/users/current", signIn.AccessToken);

        Assert.Equal(200, reply.Status);
        var json = reply.Json;
        Assert.Equal("demo", json.GetProperty("name").GetString());
        Assert.Equal("demo", json.GetProperty("user_name").GetString());
        Assert.True(json.GetProperty("authenticated").GetBoolean());
        Assert.False(json.GetProperty("clientOnly").GetBoolean());
        Assert.Equal(signIn.Claims.GetProperty("sub").GetString(), json.GetProperty("sub").GetString());
        Assert.Equal(["ui", "openid"], json.Texts("scope"));
        Assert.Equal("demo", json.GetProperty("principal").GetProperty("username").GetString());
        Assert.True(json.GetProperty("principal").GetProperty("enabled").GetBoolean());
        Assert.Equal("browser", json.GetProperty("oauth2Request").GetProperty("clientId").GetString());
        Assert.Equal(["ui", "openid"], json.GetProperty("oauth2Request").Texts("scope"));
        Assert.Equal("password", json.GetProperty("oauth2Request").GetProperty("grantType").GetString());
        Assert.False(json.GetProperty("principal").TryGetProperty("password", out _));
        Assert.False(json.GetProperty("details").TryGetProperty("tokenValue", out _));
        Assert.DoesNotContain(signIn.AccessToken, reply.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("pbkdf2", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_current_user_of_a_client_is_the_client()
    {
        var json = (await auth.GetAsync("uaa/users/current", await auth.ServerTokenAsync())).Json;

        Assert.Equal("account-service", json.GetProperty("name").GetString());
        Assert.Equal("account-service", json.GetProperty("principal").GetString());
        Assert.True(json.GetProperty("clientOnly").GetBoolean());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("userAuthentication").ValueKind);
        Assert.False(json.TryGetProperty("user_name", out _));
    }

    [Fact]
    public async Task A_token_ends_at_its_expiry()
    {
        var token = (await auth.SignInAsync()).AccessToken;
        auth.Clock.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        var reply = await auth.GetAsync("uaa/users/current", token);

        Assert.Equal(401, reply.Status);
        Assert.Equal("invalid_token", reply.Text("error"));
        Assert.StartsWith("Bearer realm=\"oauth\", error=\"invalid_token\"", reply.Challenge, StringComparison.Ordinal);
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Body);
    }

    [Theory]
    [InlineData("UPDATE users SET salt = 'new' WHERE user_name = 'admin'")]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'admin'")]
    [InlineData("DELETE FROM users WHERE user_name = 'admin'")]
    [InlineData("UPDATE clients SET token_salt = 'new' WHERE client_id = 'app'")]
    public async Task Rev_sig_ends_a_token_when_user_or_client_changes(string change)
    {
        await using var own = await DemoAuth.StartAsync();
        var token = (await own.SignInAsync("admin", "admin", "openid", "app:appclientsecret")).AccessToken;
        Assert.Equal(200, (await own.GetAsync("uaa/userinfo", token)).Status);
        await own.ExecuteAsync(change);

        Assert.Equal(401, (await own.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal("invalid_token", (await own.PostAsync("uaa/check_token", Service, ("token", token))).Text("error"));
    }
}
