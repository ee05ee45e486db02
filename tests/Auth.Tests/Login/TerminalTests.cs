using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Login;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Login;

/// <summary>Pages and documents for those who sit at a terminal: devices, passcodes, what command line clients ask first.</summary>
public sealed class TerminalTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("uaa/info", "application/json")]
    [InlineData("uaa/info", "")]
    [InlineData("uaa/login", "application/json")]
    [InlineData("uaa/login", "application/json;charset=utf-8")]
    [InlineData("uaa/login", "*/*")]
    [InlineData("uaa/login", "")]
    [InlineData("uaa/login", "application/json, text/html;q=0.5")]
    public async Task Command_line_clients_get_the_prompts(string path, string accept)
    {
        var page = await new Browser(auth).GetAsync(path, accept);

        Assert.Equal((200, "application/json"), (page.Status, page.Header("Content-Type")));
        var json = JsonDocument.Parse(page.Body).RootElement;
        Assert.Equal("""{"username":["text","Email"],"password":["password","Password"]}""", json.GetProperty("prompts").GetRawText());
        Assert.Equal("""{"uaa":"http://localhost:8080/uaa","login":"http://localhost:8080/uaa"}""", json.GetProperty("links").GetRawText());
        Assert.Equal("{}", json.GetProperty("idpDefinitions").GetRawText());
        Assert.Equal("uaa", json.GetProperty("zone_name").GetString());
        foreach (var name in new[] { "entityID", "commit_id", "timestamp" }) Assert.Equal(JsonValueKind.String, json.GetProperty(name).ValueKind);
        Assert.Equal(JsonValueKind.String, json.GetProperty("app").GetProperty("version").ValueKind);
        Assert.False(json.TryGetProperty("token_endpoint", out _));
    }

    [Fact]
    public async Task U_05_a_passcode_is_good_once_for_five_minutes_and_the_newest_only()
    {
        await using var own = await DemoAuth.StartAsync();
        var browser = new Browser(own);
        Assert.Equal("/uaa/login?continue=passcode", (await browser.GetAsync("uaa/passcode")).Location);
        Assert.Equal(401, (await browser.GetAsync("uaa/passcode", "application/json")).Status);
        Assert.Equal("/uaa/passcode", (await browser.SignInAsync(page: await browser.GetAsync("uaa/login?continue=passcode"))).Location);
        var codes = own.Services.GetRequiredService<IPasscodes>();

        var first = (await browser.GetAsync("uaa/passcode")).Document.QuerySelector("#passcode")!.TextContent;
        var answer = await browser.GetAsync("uaa/passcode", "application/json");
        var second = JsonSerializer.Deserialize<string>(answer.Body)!;

        Assert.Matches("^[0-9a-f]{32}$", first);
        Assert.Equal(("application/json", "no-store"), (answer.Header("Content-Type"), answer.Header("Cache-Control")));
        Assert.Null(await codes.RedeemAsync(first, Cancel));
        var redeemed = await codes.RedeemAsync(second, Cancel);
        Assert.Equal((await Tests.Sessions.SessionTests.CurrentAsync(own, browser))!.Value.User.Id, redeemed!.UserId);
        Assert.Null(await codes.RedeemAsync(second, Cancel));
        var third = JsonSerializer.Deserialize<string>((await browser.GetAsync("uaa/passcode", "application/json")).Body)!;
        own.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Null(await codes.RedeemAsync(third, Cancel));
        Assert.DoesNotContain(own.Logs, line => line.Contains(first, StringComparison.Ordinal) || line.Contains(second, StringComparison.Ordinal));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_01_T_02_a_passcode_is_redeemed_once_by_fifty_callers(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var codes = own.Services.GetRequiredService<IPasscodes>();
        var code = await codes.CreateAsync(new Passcode("uaa", "user", own.Clock.GetUtcNow(), ["pwd"]), Cancel);

        var won = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => codes.RedeemAsync(code, Cancel))));

        Assert.Single(won, passcode => passcode is not null);
        Assert.Equal(0, await own.ExecuteAsync($"DELETE FROM passcodes WHERE code_hash = '{code}'"));
    }

    [Fact]
    public async Task B_32_D_03_V_079_a_device_is_shown_with_client_scopes_origin_and_code_and_allowed_by_the_person_alone()
    {
        var device = await StartAsync();
        var browser = new Browser(auth);
        var complete = new Uri(device.Text("verification_uri_complete"));

        var page = await browser.FollowAsync(complete.PathAndQuery);
        Assert.Equal("Sign in", page.Title);
        var entry = await browser.FollowAsync(await browser.SignInAsync(page: page));
        Assert.Equal("Connect a device", entry.Title);
        Assert.Equal(device.Text("user_code"), entry.Field("user_code"));
        await PendingAsync(device);
        var confirm = await browser.SubmitAsync(entry, ("user_code", device.Text("user_code").ToLowerInvariant().Replace("-", "", StringComparison.Ordinal)), ("step", "look"));
        Assert.Equal("Connect this device?", confirm.Title);
        Assert.Contains("App tv", confirm.Text, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", confirm.Text, StringComparison.Ordinal);
        Assert.Contains("Know who you are", confirm.Text, StringComparison.Ordinal);
        Assert.Contains("If somebody sent you the code", confirm.Document.QuerySelector(".warning")!.TextContent, StringComparison.Ordinal);
        Assert.DoesNotContain("Administer everything", confirm.Text, StringComparison.Ordinal);
        await PendingAsync(device);

        var done = await browser.SubmitAsync(confirm, ("step", "allow"));

        Assert.Equal((200, "Your device is connected"), (done.Status, done.Title));
        auth.Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(200, (await PollAsync(device)).Status);
        Assert.Equal("Connect a device", (await browser.SubmitAsync(confirm, ("step", "allow"))).Title);
    }

    [Fact]
    public async Task D_03_a_device_that_is_denied_gets_nothing()
    {
        var device = await StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var confirm = await browser.SubmitAsync(await browser.GetAsync("uaa/device"), ("user_code", device.Text("user_code")), ("step", "look"));

        Assert.Equal("Denied", (await browser.SubmitAsync(confirm, ("step", "deny"))).Title);

        Assert.Equal("access_denied", (await PollAsync(device)).Text("error"));
    }

    [Fact]
    public async Task D_03_a_form_that_does_not_come_from_the_page_about_this_code_allows_nothing()
    {
        var (device, other) = (await StartAsync(), await StartAsync());
        var (browser, attacker) = (new Browser(auth), new Browser(auth));
        await browser.SignInAsync();
        await attacker.SignInAsync("admin", "admin");
        var entry = await browser.GetAsync("uaa/device");
        var confirm = await browser.SubmitAsync(entry, ("user_code", device.Text("user_code")), ("step", "look"));
        var theirs = await attacker.SubmitAsync(await attacker.GetAsync("uaa/device"), ("user_code", device.Text("user_code")), ("step", "look"));

        Assert.Equal(403, (await browser.SubmitAsync(entry, ("user_code", device.Text("user_code")), ("step", "allow"))).Status);
        Assert.Equal(403, (await browser.SubmitAsync(confirm, ("user_code", other.Text("user_code")), ("step", "allow"))).Status);
        Assert.Equal(403, (await browser.SubmitAsync(confirm, ("X-Uaa-Csrf", theirs.Field("X-Uaa-Csrf")), ("step", "allow"))).Status);
        Assert.Equal(403, (await browser.SubmitAsync(confirm, ("X-Uaa-Csrf", null), ("step", "allow"))).Status);
        await PendingAsync(device);
        await PendingAsync(other);
    }

    [Fact]
    public async Task D_03_D_04_after_five_wrong_codes_a_session_and_an_address_have_to_wait()
    {
        await using var own = await DemoAuth.StartAsync();
        var (browser, other) = (new Browser(own), new Browser(own));
        await browser.SignInAsync();
        await other.SignInAsync("admin", "admin");
        var device = await StartAsync(own);
        var page = await browser.GetAsync("uaa/device");
        for (var i = 0; i < 5; i++) Assert.Equal(400, (await browser.SubmitAsync(page, ("user_code", "BCDF-GHJ" + "KLMNP"[i]), ("step", "look"))).Status);

        var refused = await browser.SubmitAsync(page, ("user_code", device.Text("user_code")), ("step", "look"));

        Assert.Equal(429, refused.Status);
        Assert.NotNull(refused.Header("Retry-After"));
        Assert.Equal(429, (await other.SubmitAsync(await other.GetAsync("uaa/device"), ("user_code", device.Text("user_code")), ("step", "look"))).Status);
        own.Clock.Advance(TimeSpan.FromMinutes(10));
        device = await StartAsync(own);
        Assert.Equal("Connect this device?", (await browser.SubmitAsync(page, ("user_code", device.Text("user_code")), ("step", "look"))).Title);
    }

    [Fact]
    public async Task A_sign_in_checked_by_a_client_is_taken_over_by_a_browser_once_and_only_when_the_person_agrees()
    {
        Assert.Equal(401, (await auth.PostAsync("uaa/autologin", null, ("username", "demo"), ("password", "demo"))).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/autologin", "app:appclientsecret", ("username", "demo"), ("password", "wrong"))).Status);
        var created = await auth.PostAsync("uaa/autologin", "app:appclientsecret", ("username", "demo"), ("password", "demo"));
        Assert.Equal((200, "/oauth/authorize"), (created.Status, created.Text("path")));
        var browser = new Browser(auth);

        var page = await browser.GetAsync("uaa/autologin?code=" + created.Text("code"));
        Assert.Equal("Sign in?", page.Title);
        Assert.Null(browser.Session);
        var foreign = await new Browser(auth).SubmitAsync(page);
        Assert.Equal(403, foreign.Status);
        Assert.Equal("/uaa/", (await browser.SubmitAsync(page)).Location);

        Assert.Contains("demo@example.com", (await browser.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        Assert.Equal(400, (await browser.SubmitAsync(page)).Status);
        Assert.Equal(400, (await browser.GetAsync("uaa/autologin?code=" + created.Text("code"))).Status);
    }

    [Fact]
    public async Task The_old_way_to_check_a_password_shares_the_lock()
    {
        await using var own = await DemoAuth.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/authenticate") { Content = new StringContent("""{"username":"demo","password":"demo"}""", Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        var good = await own.SendAsync(request);
        Assert.Equal((200, """{"username":"demo","email":"demo@example.com"}"""), (good.Status, good.Body));

        for (var i = 0; i < 5; i++) Assert.Equal(401, (await own.PostAsync("uaa/authenticate", null, ("username", "demo"), ("password", "wrong"))).Status);

        Assert.Equal(401, (await own.PostAsync("uaa/authenticate", null, ("username", "demo"), ("password", "demo"))).Status);
        Assert.Equal("/uaa/login?error=account_locked", (await new Browser(own).SignInAsync()).Location);
    }

    private async Task<Reply> StartAsync(DemoAuth? own = null)
    {
        own ??= auth;
        if (await own.Services.GetRequiredService<IClients>().FindAsync("uaa", "tv", Cancel) is null)
            await App.AddAsync(own, "tv", client => client with { GrantTypes = ["urn:ietf:params:oauth:grant-type:device_code"], Scopes = ["openid", "uaa.admin"] });
        return await own.PostAsync("uaa/oauth/device_authorization", "tv:secret", ("scope", "openid uaa.admin"));
    }

    private Task<Reply> PollAsync(Reply device) =>
        auth.TokenAsync("tv:secret", ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", device.Text("device_code")));

    private async Task PendingAsync(Reply device)
    {
        auth.Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("authorization_pending", (await PollAsync(device)).Text("error"));
    }
}
