using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Tests.ApiTokens;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Revocation;

/// <summary>RFC 7009 and UAA's revocations and lists.</summary>
public sealed class RevokeTests
{
    private const string Service = "account-service:account-secret";
    private const string Inactive = """{"active":false}""";
    private const string App = "app:appclientsecret";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task R_03_a_refresh_token_ends_with_its_family_and_the_access_tokens_of_the_grant(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var renewed = await auth.RefreshAsync(signIn.RefreshToken);
        var other = await auth.SignInAsync();

        var reply = await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", renewed.RefreshToken), ("token_type_hint", "access_token"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("", reply.Body);
        Assert.Equal("no-store", reply.Headers.CacheControl!.ToString());
        Assert.Equal(401, (await auth.RefreshAsync(renewed.RefreshToken)).Status);
        foreach (var token in new[] { signIn.AccessToken, renewed.AccessToken })
            Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Body);
        Assert.Equal(200, (await auth.RefreshAsync(other.RefreshToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", other.AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_13_T_07_a_refresh_token_that_comes_back_ends_the_access_tokens_too(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var renewed = await auth.RefreshAsync(signIn.RefreshToken);
        auth.Clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", renewed.AccessToken)).Status);

        Assert.Equal(401, (await auth.RefreshAsync(signIn.RefreshToken)).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", renewed.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
    }

    [Theory]
    [InlineData("jwt")]
    [InlineData("opaque")]
    public async Task R_03_an_access_token_ends_alone(string format)
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await SignInAsync(auth, format);
        var renewed = await auth.RefreshAsync(first.RefreshToken, "browser:", ("token_format", format));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", first.AccessToken)).Status);

        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", first.AccessToken), ("token_type_hint", "refresh_token"))).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", first.AccessToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", renewed.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(renewed.RefreshToken)).Status);
        // A second time is the same, and nothing new to tell anyone.
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", first.AccessToken))).Status);
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE revocations SET because = because"));
    }

    [Theory]
    [InlineData("jwt")]
    [InlineData("opaque")]
    public async Task Who_ends_token_after_token_fills_nobodys_memory_and_uses_up_his_own_share_alone(string format)
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:revocation:perHour", "3"));
        var other = await auth.SignInAsync("admin", "admin");
        var last = await SignInAsync(auth, format);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", last.AccessToken))).Status);
            // One that has ended costs nothing more.
            Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", last.AccessToken))).Status);
            last = await auth.RefreshAsync(last.RefreshToken, "browser:", ("token_format", format));
        }

        var refused = await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", last.AccessToken));

        Assert.Equal(429, refused.Status);
        Assert.Equal("too_many_requests", refused.Json.GetProperty("error").GetString());
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", last.AccessToken)).Status);
        Assert.Equal(429, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", last.RefreshToken))).Status);
        if (format == "opaque")
        {
            var id = (await auth.PostAsync("uaa/introspect", Service, ("token", last.AccessToken))).Json.GetProperty("jti").GetString();
            Assert.Equal(429, (await SendAsync(auth, HttpMethod.Delete, "uaa/oauth/token/revoke/" + id, last.AccessToken)).Status);
        }
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", other.AccessToken))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", other.AccessToken)).Status);
        // What ends everything at once is always taken.
        var me = (await auth.GetAsync("uaa/userinfo", last.AccessToken)).Json.GetProperty("user_id").GetString();
        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + me, last.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", last.AccessToken)).Status);
        auth.Clock.Advance(TimeSpan.FromHours(1));
        var next = await SignInAsync(auth, format);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", next.AccessToken))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", next.AccessToken)).Status);
    }

    [Fact]
    public async Task R_01_R_05_whatever_is_no_live_token_is_answered_alike_since_every_kind_can_be_revoked()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromSeconds(601));
        foreach (var token in new[] { "x", "a.b.c", signIn.AccessToken, "sm_rt_x-r", "sm_at_x", "smt_x", "\ud83d\ude00", new string('a', 30_000) })
        {
            var reply = await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", token), ("token_type_hint", "nonsense"));
            Assert.Equal(200, reply.Status);
            Assert.Equal("", reply.Body);
        }
        Assert.Equal("""{"error":"invalid_request","error_description":"Missing parameter: token"}""", (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", ""))).Body);
        Assert.Equal(401, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", "x"))).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/oauth/revoke", "account-service:wrong", ("token", "x"))).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", "x"), ("client_id", "account-service"))).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", "x"), ("client_id", "browser"))).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", "x"), ("client_id", "mesh-cli"))).Status);
        Assert.Equal(405, (await auth.GetAsync("uaa/oauth/revoke")).Status);
    }

    [Theory]
    [InlineData("jwt")]
    [InlineData("opaque")]
    public async Task R_02_another_clients_token_stays(string format)
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await SignInAsync(auth, format);

        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", App, ("token", signIn.AccessToken))).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", App, ("token", signIn.RefreshToken))).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", signIn.RefreshToken), ("client_id", "mesh-cli"))).Status);

        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(signIn.RefreshToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_030_R_04_a_store_that_fails_is_told_and_nothing_has_changed(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var opaque = await SignInAsync(auth, "opaque");
        var admin = await AdminAsync(auth, "tokens.revoke");
        var api = await ApiTokenTests.CreateAsync(auth, signIn.AccessToken, new { label = "x" });
        var user = Jwt.Payload(signIn.AccessToken).GetProperty("sub").GetString();
        await auth.ExecuteAsync("ALTER TABLE revocations RENAME TO broken");

        foreach (var token in new[] { signIn.RefreshToken, signIn.AccessToken, opaque.AccessToken, api.Text("token") })
        {
            var reply = await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", token));
            Assert.Equal(503, reply.Status);
            Assert.Equal("2", reply.Headers.GetValues("Retry-After").Single());
        }
        Assert.Equal(503, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + user, admin)).Status);
        Assert.Equal(503, (await auth.GetAsync("uaa/oauth/token/revoke/client/browser", admin)).Status);
        Assert.Equal(503, (await ReportAsync(auth, api.Text("token"))).Status);

        await auth.ExecuteAsync("ALTER TABLE broken RENAME TO revocations");
        foreach (var token in new[] { signIn.AccessToken, opaque.AccessToken }) Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", api.Text("token"))).Status);
        Assert.Equal(200, (await auth.RefreshAsync(signIn.RefreshToken)).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", signIn.AccessToken))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_013_R_06_all_tokens_of_exactly_this_user_end(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var demo = await auth.SignInAsync();
        var opaque = await SignInAsync(auth, "opaque");
        var api = await ApiTokenTests.CreateAsync(auth, demo.AccessToken, new { label = "x" });
        var other = await auth.SignInAsync("admin", "admin");
        var own = await AdminAsync(auth, "tokens.revoke");
        var id = demo.Claims.GetProperty("sub").GetString();

        var reply = await auth.GetAsync("uaa/oauth/token/revoke/user/" + id, own);

        Assert.Equal(200, reply.Status);
        Assert.Equal("", reply.Body);
        foreach (var token in new[] { demo.AccessToken, opaque.AccessToken, api.Text("token") })
            Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Body);
        Assert.Equal(401, (await auth.RefreshAsync(demo.RefreshToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", other.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(other.RefreshToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", own)).Status);
        // As after a changed password: what is issued now counts, and is not dated ahead.
        var fresh = await auth.SignInAsync();
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", fresh.AccessToken)).Status);
        Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeSeconds(), fresh.Claims.GetProperty("iat").GetInt64());
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", (await auth.RefreshAsync(fresh.RefreshToken)).AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_second_revocation_within_the_same_second_ends_what_was_issued_between_the_two_at_every_follower(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var own = await AdminAsync(auth, "tokens.revoke");
        var id = (await auth.SignInAsync()).Claims.GetProperty("sub").GetString();
        var state = auth.Services.GetRequiredService<SecureMesh.Auth.Revocation.RevocationState>();
        // Of another level on purpose: what the first one made wait ends with the second.
        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/client/browser", own)).Status);
        var between = await auth.SignInAsync();
        Assert.False(between.Claims.GetProperty("iat").GetInt64() < state.EarliestIssue("uaa", "browser", id));
        Assert.False(between.Claims.GetProperty("iat").GetInt64() > auth.Clock.GetUtcNow().ToUnixTimeSeconds());

        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + id, own)).Status);

        Assert.True(between.Claims.GetProperty("iat").GetInt64() < state.EarliestIssue("uaa", "browser", id));
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", between.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(between.RefreshToken)).Status);
        var after = await auth.SignInAsync();
        Assert.False(after.Claims.GetProperty("iat").GetInt64() < state.EarliestIssue("uaa", "browser", id));
        Assert.Equal(200, (await auth.RefreshAsync(after.RefreshToken)).Status);
    }

    [Theory]
    [InlineData("user")]
    [InlineData("client")]
    [InlineData("user-at-client")]
    public async Task Who_is_revoked_again_while_he_waits_gets_neither_tokens_nor_a_family_that_live(string again)
    {
        await using var auth = await DemoAuth.StartAsync();
        var own = await AdminAsync(auth, "tokens.revoke");
        var id = (await auth.SignInAsync()).Claims.GetProperty("sub").GetString();
        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + id, own)).Status);
        // The password is good, and everything was looked at; then somebody revokes once more, in the same second.
        auth.Waiting = async () => Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/" + (again == "client" ? "client/browser" : again == "user" ? "user/" + id : $"user/{id}/client/browser"), own)).Status);
        var meanwhile = await auth.SignInAsync();
        auth.Waiting = null;

        Assert.Equal(200, meanwhile.Status);
        Assert.True(meanwhile.Claims.GetProperty("iat").GetInt64() < auth.Services.GetRequiredService<SecureMesh.Auth.Revocation.RevocationState>().EarliestIssue("uaa", "browser", id));
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", meanwhile.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(meanwhile.RefreshToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync()).AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_013_V_116_all_tokens_of_exactly_this_client_end_at_every_instance(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var user = await auth.SignInAsync(client: App, scope: "openid");
        var elsewhere = await auth.SignInAsync();
        var own = await AdminAsync(auth, "tokens.revoke");

        Assert.Equal(200, (await auth.GetAsync("uaa/oauth/token/revoke/client/app", own)).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", user.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(user.RefreshToken, App)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", elsewhere.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(elsewhere.RefreshToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync(client: App, scope: "openid")).AccessToken)).Status);
    }

    [Fact]
    public async Task V_013_a_user_at_one_client_keeps_the_other_clients_and_the_other_users()
    {
        await using var auth = await DemoAuth.StartAsync();
        var here = await auth.SignInAsync(client: App, scope: "openid");
        var there = await auth.SignInAsync();
        var another = await auth.SignInAsync("admin", "admin", "openid", App);
        var id = here.Claims.GetProperty("sub").GetString();

        Assert.Equal(200, (await auth.GetAsync($"uaa/oauth/token/revoke/user/{id}/client/app", here.AccessToken)).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", here.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(here.RefreshToken, App)).Status);
        foreach (var token in new[] { there.AccessToken, another.AccessToken }) Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(another.RefreshToken, App)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", (await auth.SignInAsync(client: App, scope: "openid")).AccessToken)).Status);
    }

    [Fact]
    public async Task R_06_only_the_own_tokens_without_the_scope()
    {
        await using var auth = await DemoAuth.StartAsync();
        var demo = await auth.SignInAsync();
        var admin = await auth.SignInAsync("admin", "admin");
        var (id, other) = (demo.Claims.GetProperty("sub").GetString(), admin.Claims.GetProperty("sub").GetString());

        foreach (var path in new[] { $"user/{other}", $"user/{other}/client/browser", $"user/{id}/client/app", "client/browser" })
        {
            var refused = await auth.GetAsync("uaa/oauth/token/revoke/" + path, demo.AccessToken);
            Assert.Equal(403, refused.Status);
            Assert.Equal("""{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"tokens.revoke uaa.admin"}""", refused.Body);
            Assert.Equal(401, (await auth.GetAsync("uaa/oauth/token/revoke/" + path)).Status);
        }
        var api = (await ApiTokenTests.CreateAsync(auth, demo.AccessToken, new { label = "x" })).Text("token");
        Assert.Equal(403, (await auth.GetAsync("uaa/oauth/token/revoke/user/" + id, api)).Status);
        var own = await AdminAsync(auth, "uaa.admin");
        Assert.Equal(404, (await auth.GetAsync("uaa/oauth/token/revoke/user/nobody", own)).Status);
        Assert.Equal(404, (await auth.GetAsync($"uaa/oauth/token/revoke/user/{id}/client/nothing", own)).Status);
        Assert.Equal(404, (await auth.GetAsync("uaa/oauth/token/revoke/client/nothing", own)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", demo.AccessToken)).Status);
        Assert.Equal(200, (await SendAsync(auth, HttpMethod.Delete, "uaa/oauth/token/revoke/user/" + id, demo.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", demo.AccessToken)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", admin.AccessToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Stored_tokens_are_listed_and_ended_by_their_ids(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var opaque = await SignInAsync(auth, "opaque");
        var bearer = await auth.SignInAsync("admin", "admin");
        var id = (await auth.PostAsync("uaa/check_token", Service, ("token", opaque.AccessToken))).Text("user_id");
        var admin = await AdminAsync(auth, "tokens.list");

        var list = await auth.GetAsync("uaa/oauth/token/list/user/" + id, admin);

        Assert.Equal(200, list.Status);
        Assert.DoesNotContain(opaque.AccessToken, list.Body, StringComparison.Ordinal);
        var tokens = list.Json.EnumerateArray().ToArray();
        Assert.Equal(["ACCESS_TOKEN", "REFRESH_TOKEN"], tokens.Select(token => token.GetProperty("responseType").GetString()));
        Assert.All(tokens, token =>
        {
            Assert.Equal("browser", token.GetProperty("clientId").GetString());
            Assert.Equal(id, token.GetProperty("userId").GetString());
            Assert.Equal("ui openid", token.GetProperty("scope").GetString());
            Assert.Equal(JsonValueKind.Null, token.GetProperty("value").ValueKind);
            Assert.Equal("uaa", token.GetProperty("zoneId").GetString());
            Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeMilliseconds(), token.GetProperty("issuedAt").GetInt64());
        });
        Assert.Equal(opaque.Text("jti"), tokens[0].GetProperty("tokenId").GetString());
        Assert.Equal(3, (await auth.GetAsync("uaa/oauth/token/list/client/browser", admin)).Json.GetArrayLength());
        Assert.Equal(403, (await auth.GetAsync("uaa/oauth/token/list", admin)).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/oauth/token/list/user/" + id, opaque.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/oauth/token/list/user/" + id)).Status);

        var path = "uaa/oauth/token/revoke/" + tokens[0].GetProperty("tokenId").GetString();
        var foreign = await SendAsync(auth, HttpMethod.Delete, path, bearer.AccessToken);
        Assert.Equal(404, foreign.Status);
        Assert.Equal("""{"error":"invalid_token","error_description":"Resource not found"}""", foreign.Body);
        Assert.Equal(200, (await SendAsync(auth, HttpMethod.Delete, path, opaque.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", opaque.AccessToken)).Status);
        Assert.Equal(200, (await SendAsync(auth, HttpMethod.Delete, "uaa/oauth/token/revoke/" + tokens[1].GetProperty("tokenId").GetString(), await AdminAsync(auth, "tokens.revoke"))).Status);
        Assert.Equal(401, (await auth.RefreshAsync(opaque.RefreshToken)).Status);
        Assert.Equal(405, (await auth.GetAsync(path, opaque.AccessToken)).Status);
    }

    [Fact]
    public async Task An_API_token_ends_no_stored_token_but_itself()
    {
        await using var auth = await DemoAuth.StartAsync();
        var opaque = await SignInAsync(auth, "opaque");
        var first = await ApiTokenTests.CreateAsync(auth, opaque.AccessToken, new { label = "first" });
        var second = await ApiTokenTests.CreateAsync(auth, opaque.AccessToken, new { label = "second" });
        var family = Jwt.Payload((await auth.RefreshAsync(opaque.RefreshToken)).AccessToken).GetProperty("grant_id").GetString();
        const string path = "uaa/oauth/token/revoke/";

        foreach (var id in new[] { opaque.Text("jti"), family + "-r", second.Text("id") })
            Assert.Equal(404, (await SendAsync(auth, HttpMethod.Delete, path + id, first.Text("token"))).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", opaque.AccessToken)).Status);
        Assert.Equal(200, (await SendAsync(auth, HttpMethod.Delete, path + first.Text("id"), first.Text("token"))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", first.Text("token"))).Status);
        Assert.Equal(200, (await SendAsync(auth, HttpMethod.Delete, path + second.Text("id"), opaque.AccessToken)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", second.Text("token"))).Status);
    }

    [Fact]
    public async Task An_API_token_is_ended_by_whoever_shows_it()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var tokens = new List<string>();
        for (var i = 0; i < 3; i++) tokens.Add((await ApiTokenTests.CreateAsync(auth, bearer, new { label = "x" })).Text("token"));

        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", tokens[0]))).Status);
        var real = await ReportAsync(auth, tokens[1], "smt_unknown");
        var unknown = await ReportAsync(auth, "x", "y");

        Assert.Equal(200, real.Status);
        Assert.Equal("""{"received":2}""", real.Body);
        Assert.Equal(real.Body, unknown.Body);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", tokens[0])).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", tokens[1])).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", tokens[2])).Status);
    }

    [Fact]
    public async Task Reports_are_bounded_in_size_and_number()
    {
        await using var auth = await DemoAuth.StartAsync();
        Assert.Equal(400, (await ReportAsync(auth)).Status);
        Assert.Equal(400, (await ReportAsync(auth, [.. Enumerable.Range(0, 101).Select(i => "t" + i)])).Status);
        Assert.Equal(413, (await ReportAsync(auth, new string('x', 70_000))).Status);
        foreach (var body in new[] { "{}", "[]", """{"tokens":[1]}""", """{"tokens":["\ud800"]}""", """{"tokens":"x"}""" })
        {
            using var bad = new HttpRequestMessage(HttpMethod.Post, "uaa/api-tokens/report") { Content = new StringContent(body, null, "application/json") };
            Assert.Equal(400, (await auth.SendAsync(bad)).Status);
        }
        for (var i = 0; i < 10; i++) Assert.Equal(200, (await ReportAsync(auth, "203.0.113.9", ["x"])).Status);
        var refused = await ReportAsync(auth, "203.0.113.9", ["x"]);
        Assert.Equal(429, refused.Status);
        Assert.Equal("60", refused.Headers.GetValues("Retry-After").Single());
        Assert.Equal(200, (await ReportAsync(auth, "203.0.113.10", ["x"])).Status);
        auth.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await ReportAsync(auth, "203.0.113.9", ["x"])).Status);
    }

    [Fact]
    public async Task A_revoked_API_token_stays_dead_after_its_revocation_was_forgotten()
    {
        await using var auth = await DemoAuth.StartAsync();
        var bearer = (await auth.SignInAsync()).AccessToken;
        var token = (await ApiTokenTests.CreateAsync(auth, bearer, new { label = "x" })).Text("token");
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", token)).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/revoke", null, ("token", token))).Status);
        auth.Clock.Advance(TimeSpan.FromHours(14));
        // Nobody has used it meanwhile: what is in memory of it still says that it was good.
        var state = auth.Services.GetRequiredService<Auth.Revocation.RevocationState>();
        state.Sweep();
        Assert.Equal(0, state.Count);

        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Fact]
    public async Task Another_instance_refuses_what_this_one_revoked_as_soon_as_it_hears_of_it()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        var signIn = await one.SignInAsync();
        Assert.Equal(200, (await two.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        await using var follower = await Follower.JoinAsync(two);
        await follower.NextAsync("head");

        Assert.Equal(200, (await one.PostAsync("uaa/oauth/revoke", "browser:", ("token", signIn.AccessToken))).Status);
        await follower.NextAsync("revocation");

        Assert.Equal(401, (await two.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
    }

    private static Task<Reply> SignInAsync(DemoAuth auth, string format) => auth.TokenAsync(
        "browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "ui openid"), ("token_format", format));

    private static async Task<string> AdminAsync(DemoAuth auth, string scope)
    {
        await auth.ExecuteAsync("UPDATE clients SET authorities = authorities || ' tokens.revoke tokens.list' WHERE client_id = 'admin' AND authorities NOT LIKE '%tokens.list%'");
        return (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"), ("scope", scope))).AccessToken;
    }

    private static async Task<Reply> SendAsync(DemoAuth auth, HttpMethod method, string path, string bearer)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await auth.SendAsync(request);
    }

    private static Task<Reply> ReportAsync(DemoAuth auth, params string[] tokens) => ReportAsync(auth, "127.0.0.1", tokens);

    private static async Task<Reply> ReportAsync(DemoAuth auth, string address, string[] tokens)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/api-tokens/report") { Content = JsonContent.Create(new { tokens }) };
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", address);
        return await auth.SendAsync(request);
    }
}
