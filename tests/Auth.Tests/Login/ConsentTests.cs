using System.Text.Json;

namespace SecureMesh.Auth.Tests.Login;

public sealed class ConsentTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task T_15_X_13_the_page_names_the_client_escaped_and_the_scopes_in_words()
    {
        await App.AddAsync(auth, "shown", client => client with
        {
            Name = "<b>Evil</b> & \"Co\"",
            Metadata = client.Metadata with { LogoUri = "javascript:alert(1)", PolicyUri = "https://app.example/policy", TosUri = "http://app.example/terms" },
        });
        var browser = new Browser(auth);

        var page = await ConsentAsync(browser, "shown", "openid email offline_access");

        Assert.Contains("<b>Evil</b> & \"Co\"", page.Document.QuerySelector(".client strong")!.TextContent, StringComparison.Ordinal);
        Assert.Empty(page.Document.QuerySelectorAll("b, img, script"));
        Assert.Contains("See your e-mail address", page.Text, StringComparison.Ordinal);
        Assert.Contains("Keep its access while you are away", page.Text, StringComparison.Ordinal);
        Assert.Contains("https://app.example", page.Text, StringComparison.Ordinal);
        Assert.Equal(["https://app.example/policy"], page.Document.QuerySelectorAll("a").Select(link => link.GetAttribute("href")));
        Assert.Equal(3, page.Document.QuerySelectorAll("input[type=checkbox][checked]").Length);
    }

    [Fact]
    public async Task T_15_denying_sends_access_denied_and_is_asked_again()
    {
        await App.AddAsync(auth, "denied");
        var browser = new Browser(auth);
        var page = await ConsentAsync(browser, "denied", "openid");

        var answer = await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "false")));

        Assert.Equal("access_denied", App.Query(answer, "error"));
        Assert.Equal("Allow access?", (await browser.FollowAsync(App.Authorize("denied"))).Title);
        // Nothing ticked is a no as well.
        page = await browser.FollowAsync(App.Authorize("denied"));
        answer = await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true"), ("scope.0", null)));
        Assert.Equal("access_denied", App.Query(answer, "error"));
    }

    [Fact]
    public async Task T_15_what_is_not_ticked_is_not_granted_and_what_was_not_asked_cannot_be_added()
    {
        await App.AddAsync(auth, "partly");
        var browser = new Browser(auth);
        var page = await ConsentAsync(browser, "partly", "openid email profile");
        var email = page.Document.QuerySelectorAll("input[type=checkbox]").Single(box => box.GetAttribute("value") == "scope.email").GetAttribute("name")!;
        var profile = page.Document.QuerySelectorAll("input[type=checkbox]").Single(box => box.GetAttribute("value") == "scope.profile").GetAttribute("name")!;

        var answer = await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true"), (email, null), (profile, "scope.ui"), ("scope.3", "scope.ui")));

        var tokens = await App.TokensAsync(auth, "partly", answer);
        Assert.Equal("openid", tokens.Text("scope"));
    }

    [Fact]
    public async Task T_15_new_scopes_are_asked_for_and_old_ones_are_not()
    {
        await App.AddAsync(auth, "grows");
        var browser = new Browser(auth);
        await browser.FollowAsync(await browser.SubmitAsync(await ConsentAsync(browser, "grows", "openid"), ("user_oauth_approval", "true")));

        var page = await browser.FollowAsync(App.Authorize("grows", "openid email"));

        Assert.Equal(["scope.email"], page.Document.QuerySelectorAll("input[type=checkbox]").Select(box => box.GetAttribute("value")!));
        var tokens = await App.TokensAsync(auth, "grows", await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true"))));
        Assert.Equal(["email", "openid"], tokens.Text("scope").Split(' ').Order(StringComparer.Ordinal));
        var all = await browser.FollowAsync(App.Authorize("grows", "openid email", "&prompt=consent"));
        Assert.Equal(2, all.Document.QuerySelectorAll("input[type=checkbox]").Length);
    }

    [Fact]
    public async Task V_033_T_15_the_answer_counts_at_the_browser_session_and_transaction_of_the_question_alone()
    {
        await App.AddAsync(auth, "bound1");
        var (victim, attacker) = (new Browser(auth), new Browser(auth));
        var page = await ConsentAsync(victim, "bound1", "openid");
        var mine = await ConsentAsync(attacker, "bound1", "openid", "admin");

        // The attacker's browser with the victim's transaction.
        Assert.Equal(400, (await attacker.SubmitAsync(page, ("user_oauth_approval", "true"))).Status);
        // The victim's browser with the attacker's field, none, or that of another transaction.
        Assert.Equal(403, (await victim.SubmitAsync(page, ("user_oauth_approval", "true"), ("X-Uaa-Csrf", mine.Field("X-Uaa-Csrf")))).Status);
        Assert.Equal(403, (await victim.SubmitAsync(page, ("user_oauth_approval", "true"), ("X-Uaa-Csrf", null))).Status);
        var other = await victim.FollowAsync(App.Authorize("bound1"));
        Assert.NotEqual(page.Field("transaction"), other.Field("transaction"));
        Assert.Equal(403, (await victim.SubmitAsync(page, ("user_oauth_approval", "true"), ("X-Uaa-Csrf", other.Field("X-Uaa-Csrf")))).Status);
        // Signed in anew as somebody else: the page of the one before is worth nothing.
        await victim.SignInAsync("admin", "admin", await victim.FollowAsync(App.Authorize("bound1", more: "&prompt=login")));
        Assert.Equal(403, (await victim.SubmitAsync(page, ("user_oauth_approval", "true"))).Status);
    }

    [Fact]
    public async Task V_065_no_step_is_passed_by_going_to_the_next_one_or_by_sending_nothing()
    {
        await App.AddAsync(auth, "steps");
        var browser = new Browser(auth);
        var signIn = await browser.FollowAsync(App.Authorize("steps"));
        var transaction = signIn.Field("transaction");
        async Task StillAtTheSignInAsync()
        {
            Assert.Null(browser.Session);
            Assert.Equal(signIn.Title, (await browser.FollowAsync("uaa/oauth/authorize/resume?transaction=" + transaction)).Title);
        }

        // 1. Consent before anybody has signed in, with the field of the sign-in page or none.
        foreach (var field in new[] { signIn.Field("X-Uaa-Csrf"), "" })
        {
            var early = await browser.PostAsync("uaa/oauth/confirm_access", ("transaction", transaction), ("X-Uaa-Csrf", field), ("user_oauth_approval", "true"), ("scope.0", "scope.openid"));
            Assert.DoesNotContain("code=", early.Location ?? "", StringComparison.Ordinal);
            await StillAtTheSignInAsync();
        }
        // 2. The sign-in with nothing in it, without the password, and with an empty one.
        foreach (var fields in new (string, string?)[][]
        {
            [("username", null), ("password", null)], [("username", "demo"), ("password", null)], [("username", "demo"), ("password", "")], [("username", ""), ("password", "demo")],
        })
        {
            await browser.SubmitAsync(signIn, fields);
            await StillAtTheSignInAsync();
        }
        await browser.PostAsync("uaa/login.do");
        await StillAtTheSignInAsync();
        // 3. Signed in, consent without an answer is none.
        var consent = await browser.FollowAsync(await browser.SignInAsync(page: signIn));
        Assert.Equal("Allow access?", consent.Title);
        Assert.DoesNotContain("code=", (await browser.SubmitAsync(consent)).Location ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task B_19_no_page_of_a_sign_in_tells_another_site_where_it_was()
    {
        await App.AddAsync(auth, "referrer", client => client with
        {
            Metadata = client.Metadata with { LogoUri = "https://cdn.example/logo.png", PolicyUri = "https://app.example/policy", TosUri = "https://app.example/terms" },
        });
        var browser = new Browser(auth);
        var signIn = await browser.FollowAsync(App.Authorize("referrer", more: "&response_mode=form_post"));
        var consent = await browser.FollowAsync(await browser.SignInAsync(page: signIn));
        var answer = await browser.FollowAsync(await browser.SubmitAsync(consent, ("user_oauth_approval", "true")));

        foreach (var page in new[] { signIn, consent, answer })
        {
            Assert.Equal("no-referrer", page.Header("Referrer-Policy"));
            Assert.All(page.Document.QuerySelectorAll("a[href^=http]"), link => Assert.Contains("noreferrer", link.GetAttribute("rel"), StringComparison.Ordinal));
            Assert.All(page.Document.QuerySelectorAll("img[src^=http]"), image => Assert.Equal("no-referrer", image.GetAttribute("referrerpolicy")));
        }
        // The page that holds the code has nothing of anybody else.
        Assert.NotEmpty(answer.Field("code"));
        Assert.Empty(answer.Document.QuerySelectorAll("a, img, iframe, link[href^=http], script[src]"));
    }

    [Fact]
    public async Task T_15_a_page_sent_twice_is_answered_once()
    {
        await App.AddAsync(auth, "twice");
        var browser = new Browser(auth);
        var page = await ConsentAsync(browser, "twice", "openid");
        var first = await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true")));
        Assert.NotEmpty(App.Query(first, "code"));

        var second = await browser.FollowAsync(await browser.SubmitAsync(page, ("user_oauth_approval", "true")));

        Assert.Equal(400, second.Status);
        Assert.Null(second.Location);
    }

    [Theory]
    [InlineData("true", "openid email", false)]
    [InlineData("openid", "openid", false)]
    [InlineData("openid", "openid email", true)]
    [InlineData("true", "openid offline_access", true)]
    [InlineData("openid offline_access", "openid offline_access", false)]
    public async Task U_12_what_the_registration_approves_is_not_asked(string autoApprove, string scope, bool asked)
    {
        var id = "auto" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(autoApprove + scope)))[..8];
        await App.AddAsync(auth, id, client => client with { AutoApprove = autoApprove.Split(' ') });
        var browser = new Browser(auth);

        var page = await browser.FollowAsync(await browser.SignInAsync(page: await browser.FollowAsync(App.Authorize(id, scope))));

        Assert.Equal(asked, page.Title == "Allow access?");
    }

    [Fact]
    public async Task The_page_has_uaa_s_json_form()
    {
        await App.AddAsync(auth, "json");
        var browser = new Browser(auth);
        var page = await ConsentAsync(browser, "json", "openid email");

        var json = JsonDocument.Parse((await browser.GetAsync("uaa/oauth/confirm_access?transaction=" + page.Field("transaction"), "application/json")).Body).RootElement;

        Assert.Equal("App json", json.GetProperty("client_display_name").GetString());
        Assert.Equal(["scope.openid", "scope.email"], json.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetProperty("code").GetString()));
        Assert.Equal(["scope.openid", "scope.email"], json.GetProperty("undecided_scopes").EnumerateArray().Select(scope => scope.GetProperty("code").GetString()));
        Assert.Empty(json.GetProperty("approved_scopes").EnumerateArray());
        var confirm = json.GetProperty("options").GetProperty("confirm");
        Assert.Equal(("user_oauth_approval", "true"), (confirm.GetProperty("key").GetString(), confirm.GetProperty("value").GetString()));
        var answer = await browser.FollowAsync(await browser.PostAsync(confirm.GetProperty("path").GetString()!, ("user_oauth_approval", "true"), ("scope.0", "scope.email"),
            ("transaction", page.Field("transaction")), ("X-Uaa-Csrf", json.GetProperty("X-Uaa-Csrf").GetString()!)));
        Assert.NotEmpty(App.Query(answer, "code"));
    }

    private static async Task<BrowserPage> ConsentAsync(Browser browser, string id, string scope, string user = "demo")
    {
        var page = await browser.FollowAsync(await browser.SignInAsync(user, user, await browser.FollowAsync(App.Authorize(id, scope))));
        Assert.Equal("Allow access?", page.Title);
        return page;
    }
}
