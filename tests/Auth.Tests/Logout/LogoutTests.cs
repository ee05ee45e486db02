using SecureMesh.Auth.Tests.Login;

namespace SecureMesh.Auth.Tests.Logout;

public sealed class LogoutTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Target = "https://app.example/bye";
    private static readonly string _state = new('s', 128);
    private static int _apps;

    [Fact]
    public async Task OP_L_01_the_metadata_names_the_endpoint_as_U_01_has_it()
    {
        Assert.Equal("http://localhost:8080/uaa/logout.do", (await auth.GetAsync("uaa/.well-known/openid-configuration")).Text("end_session_endpoint"));
    }

    [Fact]
    public async Task OP_L_02_V_099_a_hint_of_the_session_signs_out_at_once_and_leads_back_with_the_state_alone()
    {
        var (id, browser, hint) = await SignedInAsync();
        var cookie = browser.Session;

        var answer = await browser.GetAsync(Query(("id_token_hint", hint), ("post_logout_redirect_uri", Target), ("state", _state)));

        Assert.Equal((303, Target + "?state=" + _state), (answer.Status, answer.Location));
        Assert.Null(browser.Session);
        Assert.Equal("Not signed in", (await browser.SendAsync(HttpMethod.Get, "uaa/", null, Browser.Html, "__Host-sm-session=" + cookie)).Title);
        var silent = await browser.FollowAsync(App.Authorize(id, more: "&prompt=none"));
        Assert.Equal("login_required", App.Query(silent, "error"));
    }

    [Fact]
    public async Task OP_L_08_without_state_the_address_stays_as_registered()
    {
        var (_, browser, hint) = await SignedInAsync();

        Assert.Equal(Target, (await browser.GetAsync(Query(("id_token_hint", hint), ("post_logout_redirect_uri", Target)))).Location);
    }

    [Fact]
    public async Task OP_L_07_a_hint_alone_signs_out_and_shows_our_page()
    {
        var (_, browser, hint) = await SignedInAsync();

        var answer = await browser.GetAsync(Query(("id_token_hint", hint)));

        Assert.Equal("/uaa/logged_out", answer.Location);
        Assert.Equal("You are signed out", (await browser.FollowAsync(answer)).Title);
        Assert.Null(browser.Session);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("https://app.example/bye?foo=bar")]
    [InlineData("https://app.example/bye/")]
    [InlineData("https://app.example/BYE")]
    [InlineData("https://app.example/bye#x")]
    [InlineData("https://app.example:443/bye")]
    [InlineData("https://app.example/x/../bye")]
    [InlineData("//app.example/bye")]
    [InlineData("/\t/evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("javascript:alert(1)")]
    public async Task OP_L_03_OP_L_10_V_117_V_066_an_address_that_is_not_registered_letter_by_letter_is_never_gone_to(string address)
    {
        var (_, browser, hint) = await SignedInAsync();

        foreach (var name in new[] { "post_logout_redirect_uri", "redirect" })
        {
            var other = new Browser(auth);
            Assert.Equal("/uaa/logged_out", (await other.GetAsync(Query(("id_token_hint", hint), (name, address), ("state", "s")))).Location);
        }
        var answer = await browser.GetAsync(Query(("id_token_hint", hint), ("post_logout_redirect_uri", address), ("state", "s")));

        Assert.Equal("/uaa/logged_out", answer.Location);
        Assert.DoesNotContain("evil", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("foreign key")]
    [InlineData("access token")]
    [InlineData("garbage")]
    public async Task OP_L_04_OP_L_11_a_hint_that_is_not_ours_counts_for_nothing(string kind)
    {
        var (id, browser, hint) = await SignedInAsync();
        var parts = hint.Split('.');
        var bad = kind switch
        {
            "none" => Encode("""{"alg":"none","typ":"JWT"}""") + "." + parts[1] + ".",
            "foreign key" => parts[0] + "." + parts[1] + "." + new string('A', parts[2].Length),
            "access token" => (await auth.SignInAsync()).AccessToken,
            _ => "x.y.z",
        };

        var page = await browser.GetAsync(Query(("id_token_hint", bad), ("client_id", id), ("post_logout_redirect_uri", Target), ("state", "s")));

        Assert.Equal((200, "Sign out?"), (page.Status, page.Title));
        Assert.DoesNotContain(Target, page.Body, StringComparison.Ordinal);
        Assert.NotNull(browser.Session);
        Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
        Assert.Equal("/uaa/logged_out", (await new Browser(auth).GetAsync(Query(("id_token_hint", bad), ("client_id", id), ("post_logout_redirect_uri", Target)))).Location);
    }

    [Fact]
    public async Task OP_L_05_an_address_without_a_hint_is_gone_to_after_the_person_agreed()
    {
        var (id, browser, _) = await SignedInAsync();

        var page = await browser.GetAsync(Query(("client_id", id), ("post_logout_redirect_uri", Target), ("state", "s&x=1")));
        Assert.Equal((200, "Sign out?"), (page.Status, page.Title));
        Assert.NotNull(browser.Session);
        Assert.Contains("form-action 'self' https://app.example;", page.Header("Content-Security-Policy"), StringComparison.Ordinal);
        var answer = await browser.SubmitAsync(page);

        Assert.Equal((303, Target + "?state=s%26x%3D1"), (answer.Status, answer.Location));
        Assert.Null(browser.Session);
        // Without a client the address says nothing.
        var (_, other, _) = await SignedInAsync();
        Assert.Equal("/uaa/logged_out", (await other.SubmitAsync(await other.GetAsync(Query(("post_logout_redirect_uri", Target))))).Location);
    }

    [Theory]
    [InlineData("")]
    [InlineData("state=s")]
    public async Task OP_L_06_OP_L_09_O_10_without_a_hint_the_person_is_asked_and_then_told(string query)
    {
        var (_, browser, _) = await SignedInAsync();

        var page = await browser.GetAsync("uaa/logout.do?" + query);
        Assert.Equal("Sign out?", page.Title);
        Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
        var answer = await browser.SubmitAsync(page);

        Assert.Equal("/uaa/logged_out", answer.Location);
        Assert.Equal("Not signed in", (await browser.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task U_08_redirect_follows_the_rule_of_post_logout_redirect_uri()
    {
        var (id, browser, hint) = await SignedInAsync();

        Assert.Equal("Sign out?", (await browser.GetAsync(Query(("client_id", id), ("redirect", Target)))).Title);
        Assert.Equal(Target, (await browser.GetAsync(Query(("id_token_hint", hint), ("redirect", Target)))).Location);
    }

    [Fact]
    public async Task O_10_a_hint_of_another_person_or_session_signs_nobody_out()
    {
        var (id, browser, hint) = await SignedInAsync();
        var (_, other, _) = await SignedInAsync("admin", id);

        Assert.Equal("Sign out?", (await other.GetAsync(Query(("id_token_hint", hint), ("post_logout_redirect_uri", Target)))).Title);
        var again = new Browser(auth);
        await again.SignInAsync();
        Assert.Equal("Sign out?", (await again.GetAsync(Query(("id_token_hint", hint)))).Title);
        Assert.Equal("You are signed in", (await other.GetAsync("uaa/")).Title);
        Assert.Equal("You are signed in", (await again.GetAsync("uaa/")).Title);
        Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task O_10_a_form_of_another_site_signs_nobody_out_and_one_of_another_session_neither()
    {
        var (_, browser, _) = await SignedInAsync();
        var (_, other, _) = await SignedInAsync();
        var foreign = await other.GetAsync("uaa/logout.do");

        var bare = await browser.PostAsync("uaa/logout.do");
        var forged = await browser.PostAsync("uaa/logout.do", ("X-Uaa-Csrf", foreign.Field("X-Uaa-Csrf")));

        Assert.Equal((303, "/uaa/logout.do"), (bare.Status, bare.Location));
        Assert.Equal(403, forged.Status);
        Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task O_10_a_post_of_the_application_comes_without_our_cookies_and_is_sent_on_as_a_get_with_them()
    {
        var (_, browser, hint) = await SignedInAsync();

        var crossSite = await new Browser(auth).PostAsync("uaa/logout.do", ("id_token_hint", hint), ("post_logout_redirect_uri", Target), ("state", "s"));
        Assert.Equal(303, crossSite.Status);
        var answer = await browser.GetAsync(crossSite.Location!);

        Assert.Equal(Target + "?state=s", answer.Location);
        Assert.Null(browser.Session);
    }

    [Fact]
    public async Task An_expired_hint_counts_and_one_of_another_client_than_named_spoils_the_request()
    {
        var (id, browser, _) = await SignedInAsync();
        var (session, user) = (await Tests.Sessions.SessionTests.CurrentAsync(auth, browser))!.Value;
        var expired = App.IdToken(auth, id, user.Id, session.Id);

        Assert.Equal("Sign out?", (await browser.GetAsync(Query(("id_token_hint", expired), ("client_id", "app"), ("post_logout_redirect_uri", Target)))).Title);
        Assert.Equal("Sign out?", (await browser.GetAsync(Query(("id_token_hint", App.IdToken(auth, id, user.Id, session.Id, use: "access"))))).Title);
        Assert.Equal(Target, (await browser.GetAsync(Query(("id_token_hint", expired), ("client_id", id), ("post_logout_redirect_uri", Target)))).Location);
    }

    [Fact]
    public async Task T_11_signing_out_ends_the_tokens_of_the_session_at_once()
    {
        var id = await AppAsync();
        var browser = new Browser(auth);
        var tokens = await App.TokensAsync(auth, id, await ThroughAsync(browser, id, "demo"));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Status);

        await browser.SubmitAsync(await browser.GetAsync("uaa/"));

        Assert.Equal(401, (await auth.RefreshAsync(tokens.RefreshToken, id + ":secret")).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Status);
    }

    internal static async Task<BrowserPage> ThroughAsync(Browser browser, string id, string user, DemoAuth? other = null)
    {
        _ = other;
        var page = await browser.FollowAsync(App.Authorize(id));
        if (page.Title == "Sign in") page = await browser.FollowAsync(await browser.SignInAsync(user, user, page));
        return page.Title == "Allow access?" ? await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true"))) : page;
    }

    private async Task<string> AppAsync()
    {
        var id = "bye" + Interlocked.Increment(ref _apps);
        await App.AddAsync(auth, id, client => client with { Metadata = client.Metadata with { PostLogoutRedirectUris = [Target] } });
        return id;
    }

    private async Task<(string Client, Browser Browser, string Hint)> SignedInAsync(string user = "demo", string? id = null)
    {
        id ??= await AppAsync();
        var browser = new Browser(auth);
        var tokens = await App.TokensAsync(auth, id, await ThroughAsync(browser, id, user));
        return (id, browser, tokens.Text("id_token"));
    }

    private static string Query(params (string Name, string Value)[] parameters) =>
        "uaa/logout.do?" + string.Join('&', parameters.Select(pair => $"{pair.Name}={Uri.EscapeDataString(pair.Value)}"));

    private static string Encode(string text) => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(text));
}
