using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

public sealed class DeviceCodeGrantTests
{
    private const string Grant = "urn:ietf:params:oauth:grant-type:device_code";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task D_01_D_02_K_07_a_person_allows_a_device_and_it_gets_tokens_once(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);

        var started = await AskAsync(auth);
        Assert.Equal(200, started.Status);
        Assert.Equal("no-store", started.Headers.CacheControl!.ToString());
        Assert.Matches("^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$", started.Text("user_code"));
        Assert.Matches("^sm_dc_[A-Za-z0-9_-]{43}$", started.Text("device_code"));
        Assert.Equal("http://localhost:8080/uaa/device", started.Text("verification_uri"));
        Assert.Equal("http://localhost:8080/uaa/device?user_code=" + started.Text("user_code"), started.Text("verification_uri_complete"));
        Assert.Equal(600, started.Json.GetProperty("expires_in").GetInt32());
        Assert.Equal(5, started.Json.GetProperty("interval").GetInt32());

        Error(await PollAsync(auth, started), "authorization_pending");
        await DecideAsync(auth, started, "ui openid");
        auth.Clock.Advance(TimeSpan.FromSeconds(5));
        var tokens = await PollAsync(auth, started);
        Assert.Equal(200, tokens.Status);
        Assert.Equal("ui openid", tokens.Text("scope"));
        Assert.Equal("Bearer", tokens.Text("token_type"));
        Assert.Equal("demo", tokens.Claims.GetProperty("user_name").GetString());
        Assert.Equal(["pwd"], tokens.Claims.Texts("amr"));
        Assert.Equal(Grant, tokens.Claims.GetProperty("grant_type").GetString());
        Assert.Equal(200, (await auth.RefreshAsync(tokens.RefreshToken, "app:appclientsecret")).Status);

        Error(await PollAsync(auth, started), "invalid_grant");
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task D_02_T_01_twenty_polls_at_once_get_one_answer(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        await using var other = await auth.AnotherAsync();
        var started = await AskAsync(auth);
        await DecideAsync(auth, started, "ui");

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PollAsync(i % 2 == 0 ? auth : other, started)));

        Assert.Single(replies, reply => reply.Status == 200);
        Assert.All(replies.Where(reply => reply.Status != 200), reply => Error(reply, "invalid_grant"));
    }

    [Fact]
    public async Task D_02_polling_too_often_makes_the_interval_longer_for_good()
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth);

        Error(await PollAsync(auth, started), "authorization_pending");
        auth.Clock.Advance(TimeSpan.FromSeconds(4));
        Error(await PollAsync(auth, started), "slow_down");
        auth.Clock.Advance(TimeSpan.FromSeconds(9));
        Error(await PollAsync(auth, started), "slow_down");
        auth.Clock.Advance(TimeSpan.FromSeconds(14));
        Error(await PollAsync(auth, started), "slow_down");
        auth.Clock.Advance(TimeSpan.FromSeconds(20));
        Error(await PollAsync(auth, started), "authorization_pending");
        auth.Clock.Advance(TimeSpan.FromSeconds(20));
        Error(await PollAsync(auth, started), "authorization_pending");
    }

    [Fact]
    public async Task D_02_a_denied_device_and_one_that_nobody_allowed_in_time_are_told_so()
    {
        await using var auth = await StartAsync();
        var denied = await AskAsync(auth);
        var late = await AskAsync(auth);
        await DecideAsync(auth, denied, null);

        Error(await PollAsync(auth, denied), "access_denied");
        auth.Clock.Advance(TimeSpan.FromSeconds(600));
        Error(await PollAsync(auth, late), "expired_token");
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
        Assert.Null(await devices.FindAsync(late.Text("user_code"), Cancel));
    }

    [Fact]
    public async Task D_02_what_was_allowed_too_late_is_not_redeemed()
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth);
        await DecideAsync(auth, started, "ui");
        auth.Clock.Advance(TimeSpan.FromSeconds(601));

        Error(await PollAsync(auth, started), "expired_token");
    }

    [Fact]
    public async Task V_041_D_02_the_code_is_good_for_the_client_that_asked_alone()
    {
        await using var auth = await StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'password {Grant}' WHERE client_id = 'browser'");
        var started = await AskAsync(auth);
        Error(await PollAsync(auth, started, "browser:"), "invalid_grant");
        await DecideAsync(auth, started, "ui");

        Error(await PollAsync(auth, started, "browser:"), "invalid_grant");

        Assert.Equal(200, (await PollAsync(auth, started)).Status);
    }

    [Fact]
    public async Task V_079_the_grant_is_off_unless_the_client_has_it()
    {
        await using var auth = await DemoAuth.StartAsync();

        var ask = await AskAsync(auth);
        Assert.Equal(400, ask.Status);
        Error(ask, "unauthorized_client");
        Error(await auth.TokenAsync("app:appclientsecret", ("grant_type", Grant), ("device_code", "sm_dc_x")), "unauthorized_client");
    }

    [Theory]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'app'")]
    [InlineData("UPDATE clients SET grant_types = 'password' WHERE client_id = 'app'")]
    public async Task V_079_a_device_of_a_client_that_lost_the_grant_is_not_shown(string change)
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth);
        await ChangeAsync(auth, change);

        Assert.Null(await auth.Services.GetRequiredService<IDeviceAuthorizations>().FindAsync(started.Text("user_code"), Cancel));
    }

    [Fact]
    public async Task V_056_a_user_who_was_locked_after_the_approval_gets_no_tokens()
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth);
        await DecideAsync(auth, started, "ui");
        for (var i = 0; i < 5; i++) Assert.Equal(401, (await auth.SignInAsync(password: "wrong")).Status);

        var reply = await PollAsync(auth, started);

        Error(reply, "invalid_grant");
        Assert.Equal("Your account has been locked because of too many failed attempts to login.", reply.Text("error_description"));
        auth.Clock.Advance(TimeSpan.FromSeconds(301));
        Error(await PollAsync(auth, started), "invalid_grant");
    }

    [Theory]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'")]
    [InlineData("DELETE FROM users WHERE user_name = 'demo'")]
    [InlineData("UPDATE sessions SET ended_at = 1")]
    [InlineData("UPDATE clients SET scopes = 'openid' WHERE client_id = 'app'")]
    public async Task V_035_what_changed_between_approval_and_redemption_counts(string change)
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth);
        await DecideAsync(auth, started, "ui");
        await ChangeAsync(auth, change);

        Error(await PollAsync(auth, started), "invalid_grant");
    }

    [Fact]
    public async Task D_03_the_code_is_found_in_any_case_and_without_its_dash()
    {
        await using var auth = await StartAsync();
        var code = (await AskAsync(auth, "ui")).Text("user_code");
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();

        foreach (var typed in new[] { code, code.ToLowerInvariant(), code.Replace("-", "", StringComparison.Ordinal), " " + code.Replace('-', ' ') + " " })
        {
            var device = await devices.FindAsync(typed, Cancel);
            Assert.Equal("app", device!.Client.Id);
            Assert.Equal(["ui"], device.Scopes);
            Assert.Equal("127.0.0.1", device.Address);
        }
        foreach (var wrong in new[] { "", code[..^1], code + "B", "AEIO-UAEI", new string('B', 5000) }) Assert.Null(await devices.FindAsync(wrong, Cancel));
    }

    [Fact]
    public async Task D_03_a_decision_is_taken_once_and_no_scope_is_added()
    {
        await using var auth = await StartAsync();
        var started = await AskAsync(auth, "ui");
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
        var device = (await devices.FindAsync(started.Text("user_code"), Cancel))!;
        await DecideAsync(auth, started, "ui openid password.write");
        var user = await Given.UserAsync(auth);

        Assert.False(await devices.DenyAsync(device, user, Cancel));
        Assert.False(await devices.ApproveAsync(device, await Given.SessionAsync(auth), user, ["ui"], Cancel));
        Assert.Equal("ui", (await PollAsync(auth, started)).Text("scope"));
    }

    [Fact]
    public async Task D_04_codes_that_live_are_counted_for_each_address()
    {
        await using var auth = await StartAsync(SqlEngine.Sqlite, ("auth:device:pendingPerAddress", "2"));
        await AskAsync(auth);
        await AskAsync(auth);

        var third = await AskAsync(auth);

        Assert.Equal(429, third.Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(601));
        Assert.Equal(200, (await AskAsync(auth)).Status);
    }

    [Fact]
    public async Task D_01_bad_requests_are_refused_in_the_form_of_the_standard()
    {
        await using var auth = await StartAsync();
        const string path = "uaa/oauth/device_authorization";

        Error(await auth.PostAsync(path, "app:appclientsecret", ("scope", "nothing.such")), "invalid_scope");
        Error(await auth.PostAsync(path, "app:appclientsecret", ("resource", "https://example.org")), "invalid_target");
        var wrong = await auth.PostAsync(path, "app:wrong");
        Assert.Equal((401, "invalid_client"), (wrong.Status, wrong.Text("error")));
        Assert.Equal(401, (await auth.PostAsync(path, null, ("client_id", "app"))).Status);
        Assert.Equal(405, (await auth.GetAsync(path)).Status);
        Error(await auth.TokenAsync("app:appclientsecret", ("grant_type", Grant)), "invalid_request");
    }

    private static void Error(Reply reply, string error)
    {
        Assert.Equal(400, reply.Status);
        Assert.Equal(error, reply.Text("error"));
    }

    // With the grant at a client that has a secret.
    private static async Task<DemoAuth> StartAsync(SqlEngine engine = SqlEngine.Sqlite, params (string, string)[] settings)
    {
        var auth = await DemoAuth.StartAsync(engine, settings);
        await ChangeAsync(auth, $"UPDATE clients SET grant_types = 'password refresh_token {Grant}' WHERE client_id = 'app'");
        return auth;
    }

    private static Task<int> ChangeAsync(DemoAuth auth, string sql) => auth.ExecuteAsync(sql);

    private static Task<Reply> AskAsync(DemoAuth auth, string scope = "ui openid") =>
        auth.PostAsync("uaa/oauth/device_authorization", "app:appclientsecret", ("scope", scope));

    private static Task<Reply> PollAsync(DemoAuth auth, Reply started, string client = "app:appclientsecret") =>
        auth.TokenAsync(client, ("grant_type", Grant), ("device_code", started.Text("device_code")));

    private static async Task DecideAsync(DemoAuth auth, Reply started, string? scopes)
    {
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
        var device = (await devices.FindAsync(started.Text("user_code"), Cancel))!;
        var user = await Given.UserAsync(auth);
        Assert.True(scopes is null
            ? await devices.DenyAsync(device, user, Cancel)
            : await devices.ApproveAsync(device, await Given.SessionAsync(auth), user, scopes.Split(' '), Cancel));
    }
}
