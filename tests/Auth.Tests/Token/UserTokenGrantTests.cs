using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Login;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>UAA's own ways to a token: user_token, passcodes and authorization attributes.</summary>
public sealed class UserTokenGrantTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_user_token_is_a_refresh_token_for_another_client(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        var token = await auth.SignInAsync(scope: "ui uaa.user", client: "tool:tool-secret");

        var reply = await AskAsync(auth, token.AccessToken, "receiver");

        Assert.Equal(200, reply.Status);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, reply.Json.GetProperty("access_token").ValueKind);
        Assert.Equal("bearer", reply.Text("token_type"));
        Assert.Equal("openid ui", reply.Text("scope"));
        Assert.Matches("^[0-9a-f]{32}$", reply.Text("jti"));
        Assert.False(reply.Json.TryGetProperty("id_token", out _));
        var refreshed = await auth.RefreshAsync(reply.RefreshToken, "receiver:receiver-secret");
        Assert.Equal("receiver", refreshed.Claims.GetProperty("client_id").GetString());
        Assert.Equal("demo", refreshed.Claims.GetProperty("user_name").GetString());
        Assert.Equal("user_token", refreshed.Claims.GetProperty("grant_type").GetString());
        Assert.Equal(reply.Text("jti"), refreshed.Claims.GetProperty("grant_id").GetString());
        Assert.Equal("Wrong client for this refresh token: browser", (await auth.RefreshAsync(refreshed.RefreshToken)).Text("error_description"));
    }

    [Fact]
    public async Task A_user_token_needs_a_users_token_with_uaa_user_and_both_registrations()
    {
        await using var auth = await StartAsync();
        var plain = (await auth.SignInAsync(scope: "ui", client: "tool:tool-secret")).AccessToken;
        var good = (await auth.SignInAsync(scope: "ui uaa.user", client: "tool:tool-secret")).AccessToken;
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'ui uaa.user' WHERE client_id = 'app'");
        var elsewhere = (await auth.SignInAsync(scope: "uaa.user", client: "app:appclientsecret")).AccessToken;

        var without = await AskAsync(auth, plain, "receiver");
        Assert.Equal((403, "insufficient_scope"), (without.Status, without.Text("error")));
        Assert.Equal(401, (await AskAsync(auth, "x", "receiver")).Status);
        Assert.Equal(401, (await auth.TokenAsync("tool:tool-secret", ("grant_type", "user_token"), ("client_id", "receiver"))).Status);
        Assert.Equal("Unauthorized grant type", (await AskAsync(auth, elsewhere, "receiver")).Text("error_description"));
        Assert.Equal("Unauthorized grant type", (await AskAsync(auth, good, "account-service")).Text("error_description"));
        Assert.Equal("Unauthorized grant type", (await AskAsync(auth, good, "no-such-client")).Text("error_description"));
        Assert.Equal("invalid_request", (await AskAsync(auth, good, "")).Text("error"));
        Assert.Equal("invalid_scope", (await AskAsync(auth, good, "receiver", "uaa.admin")).Text("error"));
    }

    [Fact]
    public async Task Who_acts_for_another_begins_no_sign_in()
    {
        await using var auth = await StartAsync();
        await Given.ClientAsync(auth, "acting", $"user_token {Given.Exchange}", "ui uaa.user");
        var subject = (await auth.TokenAsync("tool:tool-secret", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "ui uaa.user"), ("resource", "mesh://acting"), ("resource", "mesh://auth-service"))).AccessToken;
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"token_exchange_audiences":["mesh://auth-service"]}' WHERE client_id = 'acting'""");
        var exchanged = await auth.TokenAsync("acting:acting-secret",
            ("grant_type", Given.Exchange), ("subject_token", subject), ("subject_token_type", Given.AccessTokenType), ("audience", "mesh://auth-service"));
        Assert.True(exchanged.Status == 200, exchanged.Body);
        Assert.Equal("acting", exchanged.Claims.GetProperty("act").GetProperty("sub").GetString());

        var byGrant = await AskAsync(auth, exchanged.AccessToken, "receiver");
        var byCode = await auth.GetAsync("uaa/oauth/authorize?response_type=code&client_id=app&scope=openid&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fapp%2F", exchanged.AccessToken);

        foreach (var refused in new[] { byGrant, byCode })
            Assert.Equal((403, """{"error":"access_denied","error_description":"Who acts for another cannot begin a sign-in"}"""), (refused.Status, refused.Body));
    }

    [Fact]
    public async Task A_client_that_anyone_can_play_gets_no_more_than_the_token_that_was_shown()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'ui openid password.write' WHERE client_id = 'browser'");
        var token = (await auth.SignInAsync(scope: "ui uaa.user", client: "tool:tool-secret")).AccessToken;

        Assert.Equal("invalid_scope", (await AskAsync(auth, token, "browser", "password.write")).Text("error"));
        Assert.Equal("ui", (await AskAsync(auth, token, "browser")).Text("scope"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task U_05_a_passcode_signs_its_user_in_once(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        var code = await PasscodeAsync(auth);

        var reply = await RedeemAsync(auth, code);
        Assert.Equal("demo", reply.Claims.GetProperty("user_name").GetString());
        Assert.Equal("password", reply.Claims.GetProperty("grant_type").GetString());
        Assert.Equal(["mfa"], reply.Claims.Texts("amr"));

        foreach (var bad in new[] { code, "", new string('a', 32), "x" })
        {
            var again = await RedeemAsync(auth, bad);
            Assert.True(again.Status is 400 or 401, again.Body);
        }
        Assert.Equal("""{"error":"unauthorized","error_description":"Invalid passcode"}""", (await RedeemAsync(auth, code)).Body);
    }

    [Fact]
    public async Task U_05_the_newest_passcode_counts_for_five_minutes_and_for_a_user_who_may_sign_in()
    {
        await using var auth = await StartAsync();
        var older = await PasscodeAsync(auth);
        var newer = await PasscodeAsync(auth);
        Assert.Equal(401, (await RedeemAsync(auth, older)).Status);
        auth.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(401, (await RedeemAsync(auth, newer)).Status);

        var locked = await PasscodeAsync(auth);
        for (var i = 0; i < 5; i++) await auth.SignInAsync(password: "wrong");
        Assert.Equal("Your account has been locked because of too many failed attempts to login.", (await RedeemAsync(auth, locked)).Text("error_description"));
        var both = await auth.TokenAsync("browser:", ("grant_type", "password"), ("passcode", locked), ("username", "demo"), ("password", "demo"));
        Assert.Equal("invalid_request", both.Text("error"));
    }

    [Theory]
    [InlineData("GET", "uaa/oauth/token/revoke/user/{0}", null)]
    [InlineData("PUT", "uaa/Users/{0}/password", """{"password":"geheim8"}""")]
    public async Task U_05_no_one_time_code_or_device_outlives_the_end_of_all_sign_ins(string method, string path, string? body)
    {
        await using var auth = await StartAsync();
        var passcode = await PasscodeAsync(auth);
        var session = await Given.SessionAsync(auth);
        var sessions = auth.Services.GetRequiredService<SecureMesh.Auth.Sessions.ISessions>();
        Assert.True(await sessions.IsLiveAsync(session.Id, Cancel));

        var id = (await Given.UserAsync(auth)).Id;
        Assert.Equal(200, (await auth.CallAsync(method, string.Format(null, path, id), await auth.AdminAsync(), body)).Status);

        Assert.Equal(401, (await RedeemAsync(auth, passcode)).Status);
        Assert.False(await sessions.IsLiveAsync(session.Id, Cancel));
    }

    [Theory]
    [InlineData("""{"az_attr":{"group":"a\\b","n":1,"list":["x"]}}""", """{"group":"a\\b","n":1,"list":["x"]}""")]
    [InlineData("""{"az_attr":{"sub":"admin","scope":["uaa.admin"]}}""", """{"sub":"admin","scope":["uaa.admin"]}""")]
    [InlineData("""{"az_attr":"text"}""", null)]
    [InlineData("""{"other":{}}""", null)]
    [InlineData("no json", null)]
    [InlineData("""{"az_attr":{"a":"\ud800"}}""", null)]
    public async Task V_036_authorization_attributes_stand_in_a_claim_of_their_own(string authorities, string? expected)
    {
        await using var auth = await DemoAuth.StartAsync();
        var user = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("authorities", authorities));
        var client = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("authorities", authorities));

        foreach (var (reply, subject) in new[] { (user, (await Given.UserAsync(auth)).Id), (client, "account-service") })
        {
            Assert.Equal(200, reply.Status);
            Assert.Equal(subject, reply.Claims.GetProperty("sub").GetString());
            Assert.Equal(expected, reply.Claims.TryGetProperty("az_attr", out var attributes) ? attributes.GetRawText() : null);
        }
        Assert.Equal(expected is not null, (await auth.RefreshAsync(user.RefreshToken)).Claims.TryGetProperty("az_attr", out _));
        var tooLong = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("authorities", new string('x', 3000)));
        Assert.Equal("invalid_request", tooLong.Text("error"));
    }

    private static async Task<DemoAuth> StartAsync(SqlEngine engine = SqlEngine.Sqlite)
    {
        var auth = await DemoAuth.StartAsync(engine);
        await Given.ClientAsync(auth, "tool", "password user_token", "ui uaa.user");
        await Given.ClientAsync(auth, "receiver", "refresh_token", "openid ui");
        return auth;
    }

    private static async Task<Reply> AskAsync(DemoAuth auth, string bearer, string client, string scope = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "user_token"), new("client_id", client), new("scope", scope)]),
        };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + bearer);
        return await auth.SendAsync(request);
    }

    private static async Task<string> PasscodeAsync(DemoAuth auth) => await auth.Services.GetRequiredService<IPasscodes>()
        .CreateAsync(new Passcode("uaa", (await Given.UserAsync(auth)).Id, auth.Clock.GetUtcNow(), ["mfa"]), Cancel);

    private static Task<Reply> RedeemAsync(DemoAuth auth, string code) => auth.TokenAsync("browser:", ("grant_type", "password"), ("passcode", code));
}
