using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Tests.Login;

public sealed class SignInTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task Signing_in_without_an_application_leads_to_the_start_page_and_X_09_by_303()
    {
        var browser = new Browser(auth);

        var answer = await browser.SignInAsync();

        Assert.Equal((303, "/uaa/"), (answer.Status, answer.Location));
        Assert.Contains("demo@example.com", (await browser.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        Assert.Equal("/uaa/", (await browser.GetAsync("uaa/login")).Location);
    }

    [Fact]
    public async Task The_whole_way_of_an_application_sign_in_consent_code_tokens()
    {
        await App.AddAsync(auth, "whole");
        var browser = new Browser(auth);

        var page = await browser.FollowAsync(App.Authorize("whole", "openid email"));
        Assert.Equal("Sign in", page.Title);
        Assert.Contains("App whole", page.Text, StringComparison.Ordinal);
        var consent = await browser.FollowAsync(await browser.SignInAsync(page: page));
        Assert.Equal("Allow access?", consent.Title);
        Assert.Contains("Know who you are", consent.Text, StringComparison.Ordinal);
        var answer = await browser.FollowAsync(await browser.SubmitAsync(consent, ("user_oauth_approval", "true")));

        Assert.StartsWith("https://app.example/callback?", answer.Location, StringComparison.Ordinal);
        Assert.Equal("s", App.Query(answer, "state"));
        var tokens = await App.TokensAsync(auth, "whole", answer);
        Assert.Equal(200, tokens.Status);
        Assert.Equal("email openid", string.Join(' ', tokens.Text("scope").Split(' ').Order(StringComparer.Ordinal)));
        // The second time nothing is asked.
        Assert.NotEmpty(App.Query(await browser.FollowAsync(App.Authorize("whole", "openid email")), "code"));
    }

    [Theory]
    [InlineData("demo", "wrong", "login_failure")]
    [InlineData("nobody-at-all", "wrong", "login_failure")]
    [InlineData("", "", "login_failure")]
    [InlineData("de\u202emo", "x", "login_failure")]
    public async Task V_120_a_wrong_password_and_an_unknown_name_get_one_answer(string name, string password, string error)
    {
        var browser = new Browser(auth);

        var answer = await browser.SignInAsync(name, password);

        Assert.Equal((303, "/uaa/login?error=" + error), (answer.Status, answer.Location));
        Assert.Null(browser.Session);
        var page = await browser.GetAsync(answer.Location!);
        Assert.Equal(200, page.Status);
        Assert.Contains("The user name or the password is not right", page.Document.QuerySelector("[role=alert]")!.TextContent, StringComparison.Ordinal);
        Assert.Equal("", page.Field("username"));
    }

    [Fact]
    public async Task V_120_an_unknown_name_takes_as_long_as_a_wrong_password()
    {
        await using var own = await DemoAuth.StartAsync();
        var browser = new Browser(own);
        var page = await browser.GetAsync("uaa/login");
        var hashes = own.Services.GetRequiredService<SlowHash>();
        var known = await WorkAsync("demo");

        Assert.True(known >= 220_000, $"{known} iterations");
        Assert.Equal(known, await WorkAsync("nobody"));
        // A name that cannot exist is not told apart either.
        Assert.Equal(known, await WorkAsync("nobody\u0001"));

        async Task<long> WorkAsync(string name)
        {
            var before = hashes.WorkForUsers;
            await browser.SignInAsync(name, "wrong", page);
            return hashes.WorkForUsers - before;
        }
    }

    [Fact]
    public async Task K_17_the_lock_of_a_name_is_told_and_the_transaction_goes_on()
    {
        await using var own = await DemoAuth.StartAsync();
        await App.AddAsync(own, "locked");
        var browser = new Browser(own);
        var page = await browser.FollowAsync(App.Authorize("locked"));
        for (var i = 0; i < 5; i++) Assert.Contains("error=login_failure", (await browser.SignInAsync("demo", "wrong", page)).Location, StringComparison.Ordinal);

        var answer = await browser.SignInAsync("demo", "demo", page);

        Assert.EndsWith("&error=account_locked", answer.Location, StringComparison.Ordinal);
        Assert.StartsWith("/uaa/login?transaction=", answer.Location, StringComparison.Ordinal);
        var again = await browser.GetAsync(answer.Location!);
        Assert.Contains("too many failed attempts", again.Text, StringComparison.Ordinal);
        own.Clock.Advance(TimeSpan.FromSeconds(301));
        Assert.StartsWith("/uaa/oauth/authorize/resume?", (await browser.SignInAsync(page: again)).Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_that_is_not_verified_is_told_so_after_the_right_password_only()
    {
        await using var own = await DemoAuth.StartAsync();
        await own.ExecuteAsync("UPDATE users SET verified = @no WHERE user_name = 'demo'");

        Assert.Equal("/uaa/login?error=account_not_verified", (await new Browser(own).SignInAsync()).Location);
        Assert.Equal("/uaa/login?error=login_failure", (await new Browser(own).SignInAsync("demo", "wrong")).Location);
    }

    [Fact]
    public async Task A_form_without_the_field_of_its_page_signs_nobody_in()
    {
        var (browser, other) = (new Browser(auth), new Browser(auth));
        var (page, foreign) = (await browser.GetAsync("uaa/login"), await other.GetAsync("uaa/login"));

        foreach (var token in new[] { null, "", "x", foreign.Field("X-Uaa-Csrf"), page.Field("X-Uaa-Csrf")[..^1] + "!", new string('A', 64) })
        {
            var answer = await browser.SubmitAsync(page, ("X-Uaa-Csrf", token), ("username", "demo"), ("password", "demo"));
            Assert.Equal((303, "/uaa/login?error=invalid_login_request"), (answer.Status, answer.Location));
            Assert.Null(browser.Session);
        }
        browser.Cookies.Clear();
        Assert.Equal("/uaa/login?error=invalid_login_request", (await browser.SignInAsync(page: page)).Location);
    }

    [Fact]
    public async Task A_field_of_the_plain_page_is_not_good_for_a_transaction()
    {
        await App.AddAsync(auth, "bound");
        var browser = new Browser(auth);
        var plain = await browser.GetAsync("uaa/login");
        var page = await browser.FollowAsync(App.Authorize("bound"));

        var answer = await browser.SubmitAsync(page, ("X-Uaa-Csrf", plain.Field("X-Uaa-Csrf")), ("username", "demo"), ("password", "demo"));

        Assert.EndsWith("error=invalid_login_request", answer.Location, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jane@example.com", "jane@example.com")]
    [InlineData("\"><script>alert(1)</script>", "\"><script>alert(1)</script>")]
    [InlineData("{\"origin\":\"uaa\"}", "")]
    public async Task A_login_hint_is_filled_in_escaped_and_sends_nothing(string hint, string shown)
    {
        var id = "hint" + Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(hint))[..8];
        await App.AddAsync(auth, id);
        var browser = new Browser(auth);

        var page = await browser.FollowAsync(App.Authorize(id, more: "&login_hint=" + Uri.EscapeDataString(hint)));

        Assert.Equal("Sign in", page.Title);
        Assert.Equal(shown, page.Field("username"));
        Assert.Empty(page.Document.QuerySelectorAll("script"));
        Assert.DoesNotContain("<script", page.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task V_062_a_transaction_is_good_at_the_browser_that_began_it_alone()
    {
        await App.AddAsync(auth, "own");
        var (victim, attacker) = (new Browser(auth), new Browser(auth));
        var page = await victim.FollowAsync(App.Authorize("own"));
        var transaction = page.Field("transaction");

        var foreign = await attacker.GetAsync("uaa/login?transaction=" + transaction);
        Assert.DoesNotContain("App own", foreign.Text, StringComparison.Ordinal);
        Assert.Contains("was begun in another browser", foreign.Text, StringComparison.Ordinal);
        var answer = await attacker.SignInAsync("admin", "admin", foreign);

        Assert.Equal("/uaa/", answer.Location);
        Assert.Equal("Sign in", (await victim.GetAsync("uaa/login?transaction=" + transaction)).Title);
    }

    [Fact]
    public async Task V_045_O_03_another_person_at_prompt_login_gets_a_session_of_its_own_and_the_old_one_ends()
    {
        await App.AddAsync(auth, "again");
        var browser = new Browser(auth);
        await browser.FollowAsync(await browser.SubmitAsync(await browser.FollowAsync(await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize("again")))), ("user_oauth_approval", "true")));
        var first = (await Tests.Sessions.SessionTests.CurrentAsync(auth, browser))!.Value.Session;
        var answer = await browser.FollowAsync(App.Authorize("again"));
        var tokens = await App.TokensAsync(auth, "again", answer);
        Assert.Equal(first.Id, Jwt.Payload(tokens.Text("id_token")).GetProperty("sid").GetString());

        // The same person keeps the sid, with a new cookie and a new time of authentication.
        auth.Clock.Advance(TimeSpan.FromMinutes(2));
        var cookie = browser.Session;
        await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize("again", more: "&prompt=login")));
        var renewed = (await Tests.Sessions.SessionTests.CurrentAsync(auth, browser))!.Value.Session;
        Assert.Equal(first.Id, renewed.Id);
        Assert.NotEqual(cookie, browser.Session);
        Assert.Equal(TimeSpan.FromMinutes(2), renewed.AuthTime - first.AuthTime);
        Assert.Equal(first.CreatedAt, renewed.CreatedAt);

        await browser.SignInAsync("admin", "admin", await browser.FollowAsync(App.Authorize("again", more: "&prompt=login")));

        var (other, user) = (await Tests.Sessions.SessionTests.CurrentAsync(auth, browser))!.Value;
        Assert.Equal("admin", user.UserName);
        Assert.NotEqual(first.Id, other.Id);
        var dead = await auth.RefreshAsync(tokens.RefreshToken, "again:secret");
        Assert.Equal(401, dead.Status);
    }

    [Theory]
    [InlineData("continue=https%3A%2F%2Fevil.example")]
    [InlineData("continue=%2F%2Fevil.example")]
    [InlineData("continue=%2F%09%2Fevil.example")]
    [InlineData("continue=%2F%5Cevil.example")]
    [InlineData("continue=%5C%5Cevil.example")]
    [InlineData("redirect=https%3A%2F%2Fevil.example")]
    [InlineData("returnUrl=https%3A%2F%2Fevil.example&next=https%3A%2F%2Fevil.example")]
    public async Task B_02_V_066_V_117_no_parameter_is_an_address_to_go_to(string query)
    {
        var browser = new Browser(auth);

        var page = await browser.GetAsync("uaa/login?" + query);
        Assert.DoesNotContain("evil", page.Body, StringComparison.Ordinal);
        var answer = await browser.SignInAsync(page: page);

        Assert.Equal((303, "/uaa/"), (answer.Status, answer.Location));
    }

    [Theory]
    [InlineData("uaa/login?error=<script>alert(1)</script>")]
    [InlineData("uaa/login?error_description=<b>x</b>&error_hint=<b>x</b>&error=evil")]
    [InlineData("uaa/login?transaction=<b>x</b>&user_code=<b>x</b>&continue=device")]
    [InlineData("uaa/logged_out?error=<b>x</b>")]
    [InlineData("uaa/oauth/confirm_access?transaction=<b>x</b>")]
    [InlineData("uaa/autologin?code=<b>x</b>")]
    [InlineData("uaa/logout.do?state=<b>x</b>&client_id=<b>x</b>&post_logout_redirect_uri=<b>x</b>")]
    public async Task V_028_V_121_nothing_of_a_request_becomes_markup_or_text_of_a_page(string path)
    {
        var page = await new Browser(auth).FollowAsync(path);

        Assert.DoesNotContain("<b>", page.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("alert(1)", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", page.Text, StringComparison.Ordinal);
        Assert.StartsWith("text/html", page.Header("Content-Type"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("uaa/login", 200)]
    [InlineData("uaa/", 200)]
    [InlineData("uaa/logged_out", 200)]
    [InlineData("uaa/oauth/confirm_access", 400)]
    [InlineData("uaa/autologin", 400)]
    [InlineData("uaa/logout.do?a=1&a=2", 400)]
    public async Task X_11_B_30_X_01_X_12_every_page_forbids_frames_scripts_and_caches(string path, int status)
    {
        var page = await new Browser(auth).GetAsync(path);

        Assert.Equal(status, page.Status);
        Assert.Equal("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", page.Header("Content-Security-Policy"));
        Assert.Equal("DENY", page.Header("X-Frame-Options"));
        Assert.Equal("no-referrer", page.Header("Referrer-Policy"));
        Assert.Equal("nosniff", page.Header("X-Content-Type-Options"));
        Assert.Equal("no-store", page.Header("Cache-Control"));
        Assert.Null(page.Header("Access-Control-Allow-Origin"));
        Assert.Empty(page.Document.QuerySelectorAll("script, style, [style], [onclick], iframe"));
    }

    [Fact]
    public async Task X_11_pages_of_a_transaction_let_forms_lead_to_the_application_and_to_no_other()
    {
        await App.AddAsync(auth, "policy", client => client with { Metadata = client.Metadata with { LogoUri = "https://cdn.example/logo.png" } });
        var browser = new Browser(auth);

        var page = await browser.FollowAsync(App.Authorize("policy"));
        var consent = await browser.FollowAsync(await browser.SignInAsync(page: page));

        foreach (var each in new[] { page, consent })
        {
            Assert.Contains("; form-action 'self' https://app.example; ", each.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Contains("; img-src 'self' https://cdn.example; ", each.Header("Content-Security-Policy"), StringComparison.Ordinal);
            Assert.Equal("https://cdn.example/logo.png", each.Document.QuerySelector(".client img")!.GetAttribute("src"));
        }
    }

    [Fact]
    public async Task X_10_redirects_and_links_are_not_built_from_the_host_of_the_request()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(auth.Url, "uaa/passcode"));
        request.Headers.Host = "evil.example";
        request.Headers.TryAddWithoutValidation("X-Forwarded-Host", "evil.example");
        request.Headers.TryAddWithoutValidation("Accept", "text/html");

        using var response = await auth.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal("/uaa/login?continue=passcode", response.Headers.Location?.OriginalString);
        var info = await auth.GetAsync("uaa/info");
        Assert.Equal("http://localhost:8080/uaa", info.Json.GetProperty("links").GetProperty("login").GetString());
    }

    [Fact]
    public async Task X_03_a_repeated_field_and_a_password_in_the_query_are_refused()
    {
        var browser = new Browser(auth);
        var page = await browser.GetAsync("uaa/login");
        var token = page.Field("X-Uaa-Csrf");

        var twice = await browser.PostAsync("uaa/login.do", ("X-Uaa-Csrf", token), ("username", "demo"), ("username", "admin"), ("password", "demo"));
        var query = await browser.PostAsync("uaa/login.do?username=demo&password=demo", ("X-Uaa-Csrf", token));

        Assert.Equal(400, twice.Status);
        Assert.Equal(406, query.Status);
        Assert.Null(browser.Session);
        Assert.Equal("This cannot go on", twice.Title);
    }

    [Fact]
    public async Task Every_page_is_described_for_readers_of_screens()
    {
        var page = await new Browser(auth).GetAsync("uaa/login?error=login_failure");

        Assert.Equal("en", page.Document.DocumentElement.GetAttribute("lang"));
        Assert.NotNull(page.Document.QuerySelector("meta[name=viewport]"));
        foreach (var input in page.Document.QuerySelectorAll("input:not([type=hidden])"))
            Assert.NotNull(page.Document.QuerySelector($"label[for='{input.Id}']"));
        Assert.Equal("error", page.Document.QuerySelector("#username")!.GetAttribute("aria-describedby"));
        var css = await auth.GetAsync(page.Document.QuerySelector("link[rel=stylesheet]")!.GetAttribute("href")!.TrimStart('/'));
        Assert.Equal((200, "text/css"), (css.Status, css.Content.ContentType!.MediaType));
        Assert.Contains("prefers-color-scheme: dark", css.Body, StringComparison.Ordinal);
    }
}
