using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Tests.Login;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Approvals;

public sealed class ApprovalsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task What_the_person_agreed_to_is_listed_and_holds_for_a_month(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var (browser, tokens) = await ConsentedAsync(auth, "openid email oauth.approvals");

        var list = (await auth.GetAsync("uaa/approvals", tokens.AccessToken)).Json;

        Assert.Equal(["email", "oauth.approvals", "openid"], list.EnumerateArray().Select(item => item.GetProperty("scope").GetString()));
        var first = list[0];
        Assert.Equal(["userId", "clientId", "scope", "status", "lastUpdatedAt", "expiresAt"], first.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("listed", "APPROVED"), (first.GetProperty("clientId").GetString(), first.GetProperty("status").GetString()));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", first.GetProperty("expiresAt").GetString());
        Assert.Equal(auth.Clock.GetUtcNow().AddMonths(1).ToUnixTimeSeconds(), first.GetProperty("expiresAt").GetDateTimeOffset().ToUnixTimeSeconds());
        auth.Clock.Advance(TimeSpan.FromDays(32));
        await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize("listed", "openid email")));
        Assert.Equal("Allow access?", (await browser.FollowAsync(App.Authorize("listed", "openid email"))).Title);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_11_a_withdrawal_ends_the_refresh_tokens_of_that_client_and_asks_again(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var (browser, tokens) = await ConsentedAsync(auth, "openid oauth.approvals");
        var elsewhere = await auth.SignInAsync();

        var reply = await SendAsync(auth, HttpMethod.Delete, "uaa/approvals?clientId=listed", tokens.AccessToken);

        Assert.Equal(200, reply.Status);
        Assert.Equal("ok", reply.Text("status"));
        Assert.StartsWith("Approvals of user ", reply.Text("message"), StringComparison.Ordinal);
        Assert.EndsWith(" and client listed revoked", reply.Text("message"), StringComparison.Ordinal);
        Assert.Equal(401, (await auth.RefreshAsync(tokens.RefreshToken, "listed:secret")).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(elsewhere.RefreshToken)).Status);
        Assert.Equal("Allow access?", (await browser.FollowAsync(App.Authorize("listed", "openid oauth.approvals"))).Title);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_11_what_is_replaced_ends_refresh_tokens_that_hold_a_lost_scope_and_no_others(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var (browser, wide) = await ConsentedAsync(auth, "openid email oauth.approvals");
        var narrow = await App.TokensAsync(auth, "listed", await browser.FollowAsync(App.Authorize("listed", "openid oauth.approvals")));
        var user = Jwt.Payload(wide.AccessToken).GetProperty("user_id").GetString();

        var reply = await PutAsync(auth, "uaa/approvals/listed", narrow.AccessToken,
            $$"""[{"userId":"{{user}}","clientId":"listed","scope":"openid","status":"APPROVED"},{"scope":"oauth.approvals","status":"APPROVED"},{"scope":"email","status":"DENIED"}]""");

        Assert.Equal(200, reply.Status);
        Assert.Equal(3, reply.Json.GetArrayLength());
        Assert.Equal(401, (await auth.RefreshAsync(wide.RefreshToken, "listed:secret")).Status);
        Assert.Equal(200, (await auth.RefreshAsync(narrow.RefreshToken, "listed:secret")).Status);
        // A denial is not asked again; the token gets what is left.
        var tokens = await App.TokensAsync(auth, "listed", await browser.FollowAsync(App.Authorize("listed", "openid email")));
        Assert.Equal("openid", tokens.Text("scope"));
    }

    [Theory]
    [InlineData(SqlEngine.Sqlite, false)]
    [InlineData(SqlEngine.Sqlite, true)]
    [InlineData(SqlEngine.PostgreSql, false)]
    public async Task A_withdrawal_ends_all_that_the_client_holds_of_the_user(SqlEngine engine, bool replaced)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var (browser, tokens) = await ConsentedAsync(auth, "openid oauth.approvals");
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"api_tokens":true}', grant_types = grant_types || ' implicit' WHERE client_id = 'listed'""");
        var implicitly = (await browser.FollowAsync(App.Authorize("listed").Replace("response_type=code", "response_type=token", StringComparison.Ordinal).Split("&code_challenge")[0])).Location!
            .Split("access_token=")[1].Split('&')[0];
        var api = (await ApiTokens.ApiTokenTests.CreateAsync(auth, tokens.AccessToken, new { label = "x", scopes = new[] { "openid" } })).Text("token");
        var elsewhere = (await ApiTokens.ApiTokenTests.CreateAsync(auth, (await auth.SignInAsync()).AccessToken, new { label = "x" })).Text("token");
        var code = await browser.FollowAsync(App.Authorize("listed"));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", implicitly)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", api)).Status);

        Assert.Equal(200, (replaced ? await PutAsync(auth, "uaa/approvals/listed", tokens.AccessToken, "[]")
            : await SendAsync(auth, HttpMethod.Delete, "uaa/approvals?clientId=listed", tokens.AccessToken)).Status);

        Assert.Equal(400, (await App.TokensAsync(auth, "listed", code)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", implicitly)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", api)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", elsewhere)).Status);
        auth.Clock.Advance(TimeSpan.FromHours(13));
        await auth.RestartAsync();
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", api)).Status);
        // Agreed to again, it begins anew.
        var again = new Browser(auth);
        var page = await again.FollowAsync(await again.SignInAsync(page: await again.FollowAsync(App.Authorize("listed"))));
        var fresh = await App.TokensAsync(auth, "listed", await again.FollowAsync(await again.SubmitAsync(page, ("user_oauth_approval", "true"))));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", fresh.AccessToken)).Status);
    }

    [Fact]
    public async Task A_scope_that_is_lost_ends_API_tokens_and_codes_that_hold_it_and_no_others()
    {
        await using var auth = await DemoAuth.StartAsync();
        var (browser, tokens) = await ConsentedAsync(auth, "openid email oauth.approvals");
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"api_tokens":true}' WHERE client_id = 'listed'""");
        var wide = (await ApiTokens.ApiTokenTests.CreateAsync(auth, tokens.AccessToken, new { label = "x", scopes = new[] { "openid", "email" } })).Text("token");
        var narrow = (await ApiTokens.ApiTokenTests.CreateAsync(auth, tokens.AccessToken, new { label = "x", scopes = new[] { "openid" } })).Text("token");
        var (wideCode, narrowCode) = (await browser.FollowAsync(App.Authorize("listed", "openid email")), await browser.FollowAsync(App.Authorize("listed", "openid")));
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", wide)).Status);

        Assert.Equal(200, (await PutAsync(auth, "uaa/approvals/listed", tokens.AccessToken, """[{"scope":"openid","status":"APPROVED"},{"scope":"email","status":"DENIED"}]""")).Status);

        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", wide)).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/users/current", narrow)).Status);
        Assert.Equal(400, (await App.TokensAsync(auth, "listed", wideCode)).Status);
        Assert.Equal(200, (await App.TokensAsync(auth, "listed", narrowCode)).Status);
    }

    [Fact]
    public async Task The_scope_is_strict_and_only_the_own_approvals_are_touched()
    {
        await using var auth = await DemoAuth.StartAsync();
        var (_, tokens) = await ConsentedAsync(auth, "openid oauth.approvals");
        var plain = await auth.SignInAsync("admin", "admin");
        var user = Jwt.Payload(tokens.AccessToken).GetProperty("user_id").GetString();

        Assert.Equal(401, (await auth.GetAsync("uaa/approvals")).Status);
        Assert.Equal(403, (await auth.GetAsync("uaa/approvals", plain.AccessToken)).Status);
        var foreign = await PutAsync(auth, "uaa/approvals", tokens.AccessToken, """[{"userId":"another","clientId":"listed","scope":"openid","status":"APPROVED"}]""");
        Assert.Equal((401, "unauthorized_operation"), (foreign.Status, foreign.Text("error")));
        Assert.Equal(404, (await PutAsync(auth, "uaa/approvals/nobody", tokens.AccessToken, "[]")).Status);
        Assert.Equal(404, (await PutAsync(auth, "uaa/approvals", tokens.AccessToken, """[{"clientId":"nobody","scope":"openid","status":"APPROVED"}]""")).Status);
        Assert.Equal(404, (await SendAsync(auth, HttpMethod.Delete, "uaa/approvals?clientId=nobody", tokens.AccessToken)).Status);
        foreach (var bad in new[] { "", "{}", "[1]", "[{}]", "[{\"scope\":\"openid\",\"clientId\":\"listed\",\"status\":\"MAYBE\"}]", "[{\"scope\":\"a b\",\"clientId\":\"listed\",\"status\":\"DENIED\"}]", "[{\"scope\":\"\\ud800\",\"clientId\":\"listed\",\"status\":\"DENIED\"}]", "[{\"scope\":\"openid\",\"clientId\":\"listed\",\"status\":\"APPROVED\",\"expiresAt\":\"soon\"}]" })
            Assert.Equal((bad, 400), (bad, (await PutAsync(auth, "uaa/approvals", tokens.AccessToken, bad)).Status));
        Assert.Equal(400, (await auth.GetAsync("uaa/approvals?startIndex=x", tokens.AccessToken)).Status);
        Assert.Equal(1, (await auth.GetAsync("uaa/approvals?startIndex=2&count=5", tokens.AccessToken)).Json.GetArrayLength());
        Assert.Equal(2, (await auth.Services.GetRequiredService<IApprovalStore>().ListAsync("uaa", user!, "listed", auth.Clock.GetUtcNow(), Cancel)).Count);
    }

    private static async Task<(Browser Browser, Reply Tokens)> ConsentedAsync(DemoAuth auth, string scope)
    {
        await App.AddAsync(auth, "listed");
        var browser = new Browser(auth);
        var page = await browser.FollowAsync(await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize("listed", scope))));
        return (browser, await App.TokensAsync(auth, "listed", await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true")))));
    }

    private static Task<Reply> PutAsync(DemoAuth auth, string path, string token, string json) =>
        SendAsync(auth, HttpMethod.Put, path, token, new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json")));

    private static async Task<Reply> SendAsync(DemoAuth auth, HttpMethod method, string path, string token, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await auth.SendAsync(request);
    }
}
