using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.ApiTokens;

/// <summary>Tokens that people and services make for their own programs.</summary>
public sealed class ApiTokenTests
{
    private const string Service = "account-service:account-secret";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_user_makes_a_token_uses_it_sees_it_and_revokes_it(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var bearer = (await auth.SignInAsync()).AccessToken;

        var made = await CreateAsync(auth, bearer, new { label = "  build  ", scopes = new[] { "ui" }, expires_in = 3600 });

        Assert.Equal(201, made.Status);
        var (id, token) = (made.Text("id"), made.Text("token"));
        Assert.StartsWith("smt_", token, StringComparison.Ordinal);
        Assert.Equal(53, token.Length);
        Assert.Equal("build", made.Text("label"));
        Assert.Equal("user", made.Text("owner_type"));
        Assert.Equal(Jwt.Payload(bearer).GetProperty("sub").GetString(), made.Text("owner"));
        var json = (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json;
        Assert.True(json.GetProperty("active").GetBoolean());
        Assert.Equal("demo", json.GetProperty("username").GetString());
        Assert.Equal(id, json.GetProperty("jti").GetString());
        Assert.Equal(["ui"], json.Texts("scope"));
        Assert.Equal(["browser", "mesh://gateway"], json.Texts("aud"));
        Assert.Equal("api_token", json.GetProperty("grant_type").GetString());
        Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeSeconds() + 3600, json.GetProperty("exp").GetInt64());
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);

        var listed = (await auth.GetAsync("uaa/api-tokens", bearer)).Json.GetProperty("tokens").EnumerateArray().Single();
        Assert.Equal(id, listed.GetProperty("id").GetString());
        Assert.Equal("127.0.0.1", listed.GetProperty("last_used_address").GetString());
        Assert.Equal(auth.Clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null), listed.GetProperty("last_used_at").GetString());
        Assert.False(listed.TryGetProperty("token", out _));

        Assert.Equal(204, (await DeleteAsync(auth, bearer, id)).Status);
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Body);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
        Assert.Equal(404, (await DeleteAsync(auth, bearer, id)).Status);
        Assert.Empty((await auth.GetAsync("uaa/api-tokens", bearer)).Json.GetProperty("tokens").EnumerateArray());
    }

    [Fact]
    public async Task T_04_V_037_only_the_whole_token_counts_and_the_database_holds_none()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await CreateAsync(auth, (await auth.SignInAsync()).AccessToken, new { label = "x" })).Text("token");

        for (var length = 0; length < token.Length; length++)
            Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", length == 0 ? "-" : token[..length]))).Body);
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", token + "0"))).Body);
        foreach (var file in Directory.EnumerateFiles(auth.Database.Data))
            Assert.DoesNotContain(token[4..20], Encoding.Latin1.GetString(await ReadAsync(file)), StringComparison.Ordinal);
        Assert.DoesNotContain(auth.Logs, line => line.Contains(token[4..20], StringComparison.Ordinal));
    }

    [Fact]
    public void A_slip_of_the_pen_is_found_without_any_look_up()
    {
        for (var round = 0; round < 20; round++)
        {
            var token = ApiTokenText.New();
            Assert.True(ApiTokenText.IsWellFormed(token));
            for (var i = 4; i < token.Length; i++)
                Assert.False(ApiTokenText.IsWellFormed(token[..i] + (token[i] == 'a' ? 'b' : 'a') + token[(i + 1)..]));
            Assert.False(ApiTokenText.IsWellFormed(token[..10] + token[11] + token[10] + token[12..]) && token[10] != token[11]);
        }
        // Written by another program: zlib's crc32 over the 47 characters, in base62.
        Assert.True(ApiTokenText.IsWellFormed("smt_000000000000000000000000000000000000000000039rkCI"));
    }

    [Fact]
    public async Task A_token_never_has_more_than_the_token_that_asks_and_its_owner()
    {
        await using var auth = await DemoAuth.StartAsync();
        var narrow = (await auth.SignInAsync(scope: "openid")).AccessToken;

        var wider = await CreateAsync(auth, narrow, new { label = "x", scopes = new[] { "ui" } });
        Assert.Equal(400, wider.Status);
        Assert.Equal("""{"error":"invalid_scope","error_description":"ui is not a scope of the token that asks","scope":"openid"}""", wider.Body);
        Assert.Equal(["openid"], (await CreateAsync(auth, narrow, new { label = "x" })).Json.Texts("scopes"));

        // The admin user's group is asked at every use.
        var admin = (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"), ("scope", "uaa.admin clients.read"))).AccessToken;
        var token = (await CreateAsync(auth, admin, new { label = "ops", scopes = "uaa.admin clients.read" })).Text("token");
        Assert.Equal(["uaa.admin", "clients.read"], (await CurrentAsync(auth, token)).Texts("scope"));
        await auth.ExecuteAsync("UPDATE clients SET authorities = 'clients.read' WHERE client_id = 'admin'");
        Assert.Equal(["clients.read"], (await CurrentAsync(auth, token)).Texts("scope"));
        await auth.ExecuteAsync("UPDATE clients SET authorities = 'other' WHERE client_id = 'admin'");
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Theory]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'")]
    [InlineData("DELETE FROM users WHERE user_name = 'demo'")]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'browser'")]
    [InlineData("UPDATE clients SET scopes = 'other' WHERE client_id = 'browser'")]
    public async Task V_035_a_token_is_dead_when_its_owner_or_client_is(string change)
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await CreateAsync(auth, (await auth.SignInAsync()).AccessToken, new { label = "x", scopes = new[] { "ui" } })).Text("token");
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);

        await auth.ExecuteAsync(change);

        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Theory]
    [InlineData("PUT", "uaa/Users/{0}/password", """{"password":"geheim8"}""")]
    [InlineData("PATCH", "uaa/Users/{0}", """{"active":false}""")]
    [InlineData("PUT", "uaa/oauth/clients/app/secret", """{"clientId":"app","secret":"appclientsecret2"}""")]
    public async Task A_token_that_a_change_ended_stays_ended_when_the_event_is_forgotten(string method, string path, string body)
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"api_tokens":true}' WHERE client_id = 'app'""");
        var id = await auth.UserAsync("keeper");
        var bearer = (await auth.SignInAsync("keeper", "geheim7", "openid password.write", "app:appclientsecret")).AccessToken;
        var token = (await CreateAsync(auth, bearer, new { label = "x", scopes = new[] { "openid" } })).Text("token");
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        var changed = await auth.CallAsync(method, string.Format(null, path, id), await auth.AdminAsync(), body, ("If-Match", "*"));
        Assert.True(changed.Status == 200, changed.Body);

        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
        await auth.ExecuteAsync("UPDATE users SET active = (1 = 1) WHERE user_name = 'keeper'");
        auth.Clock.Advance(TimeSpan.FromHours(13));
        await auth.RestartAsync();
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Fact]
    public async Task A_token_ends_at_its_expiry_and_has_one_always()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var brief = (await CreateAsync(auth, bearer, new { label = "x", expires_at = auth.Clock.GetUtcNow().AddSeconds(90) })).Text("token");
        var usual = await CreateAsync(auth, bearer, new { label = "x" });

        Assert.Equal(90, Math.Round((usual.Json.GetProperty("expires_at").GetDateTimeOffset() - auth.Clock.GetUtcNow()).TotalDays));
        auth.Clock.Advance(TimeSpan.FromSeconds(91));
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", brief)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", usual.Text("token"))).Status);
    }

    [Fact]
    public async Task An_API_token_makes_and_manages_no_other_but_may_end_itself()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var first = await CreateAsync(auth, bearer, new { label = "first" });
        var second = await CreateAsync(auth, bearer, new { label = "second" });
        var token = first.Text("token");

        Assert.Equal("""{"error":"access_denied","error_description":"An API token cannot manage API tokens"}""", (await CreateAsync(auth, token, new { label = "third" })).Body);
        Assert.Equal(403, (await auth.GetAsync("uaa/api-tokens", token)).Status);
        Assert.Equal(404, (await DeleteAsync(auth, token, second.Text("id"))).Status);
        Assert.Equal(204, (await DeleteAsync(auth, token, first.Text("id"))).Status);
        Assert.Equal(401, (await DeleteAsync(auth, token, first.Text("id"))).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", second.Text("token"))).Status);
    }

    [Fact]
    public async Task An_API_token_begins_no_sign_in_that_would_outlive_it()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("UPDATE clients SET scopes = scopes || ' uaa.user', grant_types = grant_types || ' user_token' WHERE client_id = 'browser'");
        var bearer = (await auth.SignInAsync(scope: "openid uaa.user")).AccessToken;
        var api = (await CreateAsync(auth, bearer, new { label = "x" })).Text("token");

        Assert.Equal(200, (await UserTokenAsync(auth, bearer)).Status);
        var refused = await UserTokenAsync(auth, api);
        Assert.Equal(403, refused.Status);
        Assert.Equal("""{"error":"access_denied","error_description":"An API token cannot begin a sign-in"}""", refused.Body);
        const string authorize = "uaa/oauth/authorize?response_type=code&client_id=app&scope=openid&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fapp%2F";
        Assert.Equal(302, (await auth.GetAsync(authorize, bearer)).Status);
        Assert.Equal(403, (await auth.GetAsync(authorize, api)).Status);
    }

    [Fact]
    public async Task A_clients_tokens_of_its_users_make_none_unless_it_may_or_the_user_agreed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var mine = (await auth.SignInAsync()).AccessToken;
        var kept = await CreateAsync(auth, mine, new { label = "kept" });
        var third = (await auth.SignInAsync(client: "app:appclientsecret", scope: "openid")).AccessToken;

        foreach (var refused in new[] { await CreateAsync(auth, third, new { label = "x" }), await auth.GetAsync("uaa/api-tokens", third), await DeleteAsync(auth, third, kept.Text("id")) })
        {
            Assert.Equal(403, refused.Status);
            Assert.Equal("""{"error":"access_denied","error_description":"This client manages API tokens of its users only with scope apitokens.write"}""", refused.Body);
        }
        Assert.Single((await auth.GetAsync("uaa/api-tokens", mine)).Json.GetProperty("tokens").EnumerateArray());

        await auth.ExecuteAsync("UPDATE clients SET scopes = scopes || ' apitokens.write' WHERE client_id = 'app'");
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE user_groups SET display_name = 'apitokens.write' WHERE display_name = 'scim.read'"));
        var agreed = (await auth.SignInAsync("admin", "admin", "openid apitokens.write", "app:appclientsecret")).AccessToken;
        var made = await CreateAsync(auth, agreed, new { label = "x", scopes = new[] { "openid" } });
        Assert.Equal(201, made.Status);
        Assert.Equal(204, (await DeleteAsync(auth, agreed, made.Text("id"))).Status);
    }

    private static async Task<Reply> UserTokenAsync(DemoAuth auth, string bearer)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token") { Content = new FormUrlEncodedContent([new("grant_type", "user_token"), new("client_id", "app")]) };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await auth.SendAsync(request);
    }

    [Fact]
    public async Task V_114_the_owner_is_who_made_it_whatever_the_request_says()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var other = (await auth.SignInAsync("admin", "admin")).AccessToken;

        foreach (var member in new[] { "owner", "user_id", "client_id", "Label" })
            Assert.Equal(400, (await CreateAsync(auth, bearer, new Dictionary<string, string> { ["label"] = "x", [member] = "admin" })).Status);
        var made = await CreateAsync(auth, bearer, new { label = "mine" });
        using var put = new HttpRequestMessage(HttpMethod.Put, "uaa/api-tokens/" + made.Text("id")) { Content = JsonContent.Create(new { owner = "admin" }) };
        put.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        var answer = await auth.SendAsync(put);
        Assert.Equal(405, answer.Status);
        Assert.Equal("DELETE", answer.Content.Allow.Single());

        Assert.Empty((await auth.GetAsync("uaa/api-tokens", other)).Json.GetProperty("tokens").EnumerateArray());
        Assert.Equal(404, (await DeleteAsync(auth, other, made.Text("id"))).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", made.Text("token"))).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/api-tokens?owner=" + made.Text("owner"), other)).Status);
        var admin = (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"), ("scope", "uaa.admin"))).AccessToken;
        Assert.Single((await auth.GetAsync("uaa/api-tokens?owner=" + made.Text("owner"), admin)).Json.GetProperty("tokens").EnumerateArray());
        Assert.Equal(204, (await DeleteAsync(auth, admin, made.Text("id"))).Status);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"label":""}""")]
    [InlineData("""{"label":5}""")]
    [InlineData("""{"label":"a\nb"}""")]
    [InlineData("""{"label":"\ud800"}""")]
    [InlineData("""{"label":"x","label":"y"}""")]
    [InlineData("""{"label":"x","scopes":[]}""")]
    [InlineData("""{"label":"x","scopes":[1]}""")]
    [InlineData("""{"label":"x","scopes":["a b"]}""")]
    [InlineData("""{"label":"x","expires_in":0}""")]
    [InlineData("""{"label":"x","expires_in":-1}""")]
    [InlineData("""{"label":"x","expires_in":1e99}""")]
    [InlineData("""{"label":"x","expires_in":99999999}""")]
    [InlineData("""{"label":"x","expires_in":60,"expires_at":"2099-01-01T00:00:00Z"}""")]
    [InlineData("""{"label":"x","expires_at":"2001-01-01T00:00:00Z"}""")]
    [InlineData("""{"label":"x","expires_at":"soon"}""")]
    [InlineData("""[]""")]
    [InlineData("""{""")]
    [InlineData("")]
    public async Task A_bad_request_is_refused_as_such(string body)
    {
        await using var auth = await DemoAuth.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/api-tokens") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + (await auth.SignInAsync()).AccessToken);

        Assert.Equal(400, (await auth.SendAsync(request)).Status);
    }

    [Fact]
    public async Task An_owner_has_a_bounded_number_of_live_tokens()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:apiTokens:perOwner", "2"));
        var bearer = (await auth.SignInAsync()).AccessToken;
        var first = await CreateAsync(auth, bearer, new { label = "1" });
        Assert.Equal(201, (await CreateAsync(auth, bearer, new { label = "2" })).Status);

        Assert.Equal(400, (await CreateAsync(auth, bearer, new { label = "3" })).Status);
        Assert.Equal(201, (await CreateAsync(auth, (await auth.SignInAsync("admin", "admin")).AccessToken, new { label = "another's" })).Status);
        await DeleteAsync(auth, bearer, first.Text("id"));
        Assert.Equal(201, (await CreateAsync(auth, bearer, new { label = "3" })).Status);
    }

    [Fact]
    public async Task Last_use_is_written_at_most_once_a_minute()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var token = (await CreateAsync(auth, bearer, new { label = "x" })).Text("token");
        var first = auth.Clock.GetUtcNow();
        await auth.GetAsync("uaa/users/current", token);
        auth.Clock.Advance(TimeSpan.FromSeconds(59));
        await auth.GetAsync("uaa/users/current", token);
        Assert.Equal(first.ToUnixTimeMilliseconds(), (await LastUsedAsync(auth, bearer)).ToUnixTimeMilliseconds());
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        await auth.GetAsync("uaa/users/current", token);

        Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeMilliseconds(), (await LastUsedAsync(auth, bearer)).ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task T_13_who_is_revoked_while_his_request_is_still_arriving_gets_no_token_that_would_outlive_it()
    {
        await using var auth = await DemoAuth.StartAsync();
        var demo = await auth.SignInAsync();
        var own = (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"))).AccessToken;
        Assert.Equal(201, (await CreateAsync(auth, demo.AccessToken, new { label = "before" })).Status);
        using var body = new HeldBody("""{"label":"late"}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/api-tokens") { Content = body };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + demo.AccessToken);
        request.Headers.ExpectContinue = true; // the body is asked for when the caller has been looked at
        var creating = auth.SendAsync(request);
        await body.AskedFor.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + demo.Claims.GetProperty("sub").GetString(), own)).Status);
        body.Go.SetResult();

        Assert.Equal((401, "invalid_token"), ((await creating).Status, (await creating).Text("error")));
        Assert.DoesNotContain((await auth.GetAsync("uaa/api-tokens", (await auth.SignInAsync()).AccessToken)).Json.GetProperty("tokens").EnumerateArray(), token => token.GetProperty("label").GetString() == "late");
    }

    private sealed class HeldBody(string json) : HttpContent
    {
        public TaskCompletionSource AskedFor { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            AskedFor.SetResult();
            await Go.Task;
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(json), TestContext.Current.CancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            Headers.ContentType = new("application/json");
            length = System.Text.Encoding.UTF8.GetByteCount(json);
            return true;
        }
    }

    internal static async Task<Reply> CreateAsync(DemoAuth auth, string bearer, object body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/api-tokens") { Content = JsonContent.Create(body) };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await auth.SendAsync(request);
    }

    internal static async Task<Reply> DeleteAsync(DemoAuth auth, string bearer, string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "uaa/api-tokens/" + id);
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await auth.SendAsync(request);
    }

    private static async Task<JsonElement> CurrentAsync(DemoAuth auth, string token) => (await auth.GetAsync("uaa/users/current", token)).Json;

    private static async Task<DateTimeOffset> LastUsedAsync(DemoAuth auth, string bearer) =>
        (await auth.GetAsync("uaa/api-tokens", bearer)).Json.GetProperty("tokens").EnumerateArray().Single().GetProperty("last_used_at").GetDateTimeOffset();

    private static async Task<byte[]> ReadAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }
}
