using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Authorize;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class TransactionTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_033_V_062_a_transaction_belongs_to_the_browser_that_began_it(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var transactions = auth.Services.GetRequiredService<IAuthorizationTransactions>();
        var (victim, attacker) = (new Browser(auth), new Browser(auth));
        var id = (await victim.AuthorizeAsync(Browser.Web())).Transaction;
        await attacker.AuthorizeAsync(Browser.Web()); // He has a cookie of his own.
        var session = await attacker.SignInAsync("admin");

        var resumed = await attacker.ResumeAsync(id);

        Assert.Equal(400, resumed.Status);
        Assert.Null(resumed.Location);
        Assert.Null(await transactions.FindAsync(attacker.Context(), id, TestContext.Current.CancellationToken));
        Assert.Null(await transactions.FindAsync(new Browser(auth).Context(), id, TestContext.Current.CancellationToken));
        Assert.False(await transactions.MarkAuthenticatedAsync(attacker.Context(), id, session, TestContext.Current.CancellationToken));
        Assert.False(await transactions.MarkConsentedAsync(attacker.Context(), id, session, ["openid"], TestContext.Current.CancellationToken));
        Assert.False(await transactions.DenyAsync(attacker.Context(), id, TestContext.Current.CancellationToken));
        Assert.NotNull(await transactions.FindAsync(victim.Context(), id, TestContext.Current.CancellationToken));
        await victim.SignInAsync();
        Assert.Equal(43, (await victim.ResumeAsync(id)).Code.Length);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_01_of_many_who_resume_at_once_one_gets_the_code(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(Browser.Web())).Transaction;
        await browser.SignInAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => browser.ResumeAsync(id)));

        Assert.Single(answers, answer => answer.Status == 302);
    }

    [Fact]
    public async Task The_pages_learn_what_they_need()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(Browser.Web(("login_hint", "demo"), ("prompt", "login consent"), ("resource", "mesh://account-service"), ("ui_locales", "de")))).Transaction;

        var found = await auth.Services.GetRequiredService<IAuthorizationTransactions>().FindAsync(browser.Context(), id, TestContext.Current.CancellationToken);

        Assert.Equal("web", found!.Client.Id);
        Assert.Equal(["openid"], found.Scopes);
        Assert.Equal(["login", "consent"], found.Prompt);
        Assert.Equal(["mesh://account-service"], found.Resources);
        Assert.Equal("demo", found.LoginHint);
        Assert.Equal("de", found.UiLocales);
        Assert.Equal("http://localhost:8080", found.RedirectOrigin);
        Assert.False(found.Authenticated);
    }

    [Theory]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'web'", 401)]
    [InlineData("UPDATE clients SET redirect_uris = 'https://new.example/' WHERE client_id = 'web'", 400)]
    [InlineData("DELETE FROM clients WHERE client_id = 'web'", 401)]
    public async Task V_055_V_072_what_was_good_at_the_start_is_judged_again_at_the_end(string change, int status)
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(Browser.Web())).Transaction;
        await browser.SignInAsync();
        await auth.ExecuteAsync(change);

        var answer = await browser.ResumeAsync(id);

        Assert.Equal(status, answer.Status);
        Assert.Null(answer.Location);
    }

    [Fact]
    public async Task V_055_a_flow_that_was_switched_off_meanwhile_stays_off_whatever_the_request_says()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("implicit", grants: "implicit authorization_code");
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(("client_id", "implicit"), ("response_type", "token"))).Transaction;
        await browser.SignInAsync();
        await auth.ExecuteAsync("UPDATE clients SET grant_types = 'authorization_code' WHERE client_id = 'implicit'");

        Assert.Equal("unauthorized_client", (await browser.ResumeAsync(id)).Error);
    }

    [Fact]
    public async Task V_072_V_055_what_is_added_to_the_way_back_changes_nothing()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(Browser.Web())).Transaction;
        await browser.SignInAsync();

        var twice = await browser.GetAsync($"uaa/oauth/authorize/resume?transaction={id}&transaction={id}");
        var answer = await browser.GetAsync($"uaa/oauth/authorize/resume?transaction={id}&redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=token&scope=ui&state=evil&client_id=app");

        Assert.Equal(400, twice.Status);
        Assert.StartsWith(Browser.WebUri + "?code=", answer.Location, StringComparison.Ordinal);
        Assert.Equal("st", answer["state"]);
    }

    [Fact]
    public async Task A_transaction_ends_after_twenty_minutes_and_an_invented_one_never_was()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var id = (await browser.AuthorizeAsync(Browser.Web())).Transaction;
        await browser.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromMinutes(20));

        Assert.Equal(400, (await browser.ResumeAsync(id)).Status);
        Assert.Equal(400, (await browser.ResumeAsync(new string('a', 43))).Status);
        Assert.Equal(400, (await browser.GetAsync("uaa/oauth/authorize/resume")).Status);
        Assert.Equal("transaction_ended", (await browser.GetAsync("uaa/oauth/authorize/resume?transaction=x", "application/json")).Reply.Text("error"));
    }

    [Fact]
    public async Task X_13_V_062_the_cookie_can_be_planted_by_nobody()
    {
        await using var auth = await DemoAuth.StartAsync();

        var answer = await new Browser(auth).AuthorizeAsync(Browser.Web());

        var cookie = answer.Header("Set-Cookie");
        Assert.StartsWith("__Host-", cookie, StringComparison.Ordinal);
        foreach (var attribute in new[] { "secure", "httponly", "samesite=lax", "path=/" }) Assert.Contains(attribute, cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_nobody_reads_is_not_kept()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("anyone", isPublic: true);

        Assert.Equal(43, (await new Browser(auth).AuthorizeAsync(Browser.Web(("filling", "filling"), ("login_hint", "demo")))).Transaction.Length);
        var pushed = await auth.PostAsync("uaa/oauth/par", null, Browser.Web(("client_id", "anyone"), ("redirect_uri", "https://client.example/cb"), ("filling", "filling"), ("login_hint", "demo")));

        Assert.Equal(201, pushed.Status);
        foreach (var table in new[] { "authorization_transactions", "pushed_requests" })
        {
            Assert.Equal(0, await auth.ExecuteAsync($"UPDATE {table} SET parameters = parameters WHERE parameters LIKE '%filling%'"));
            Assert.Equal(1, await auth.ExecuteAsync($"UPDATE {table} SET parameters = parameters WHERE parameters LIKE '%login_hint%'"));
        }
    }

    [Theory]
    [InlineData("login_hint", 2048)]
    [InlineData("ui_locales", 2048)]
    [InlineData("claims_locales", 2048)]
    [InlineData("acr_values", 2048)]
    [InlineData("display", 2048)]
    [InlineData("prompt", 2048)]
    [InlineData("claims", 8192)]
    [InlineData("id_token_hint", 16_384)]
    public async Task What_is_kept_has_a_length(string name, int longest)
    {
        await using var auth = await DemoAuth.StartAsync();
        var form = Browser.Web((name, new string('x', longest + 1)));

        var refused = await auth.PostAsync("uaa/oauth/par", "web:web-secret", form);

        Assert.Equal((400, "invalid_request", $"{name} is longer than {longest} characters"), (refused.Status, refused.Text("error"), refused.Text("error_description")));
        if (name is "prompt" or "claims" or "id_token_hint") return;
        Assert.Equal(201, (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web((name, new string('x', longest))))).Status);
    }

    [Fact]
    public async Task One_address_begins_no_more_than_its_share()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:authorize:perAddress", "3"));
        await auth.RegisterAsync("anyone", isPublic: true);
        Task<Page> AskAsync(string address, string accept = "text/html", bool form = false)
        {
            var request = new HttpRequestMessage(form ? HttpMethod.Post : HttpMethod.Get, "uaa/oauth/authorize" + (form ? "" : "?" + Browser.Query(Browser.Web())));
            if (form) request.Content = Form(Browser.Web());
            request.Headers.Add("X-Forwarded-For", address);
            return new Browser(auth).SendAsync(request, accept);
        }
        Task<Reply> PushAsync(string address, string client, string secret = "")
        {
            var form = Browser.Web(("client_id", client), ("redirect_uri", client == "web" ? Browser.WebUri : "https://client.example/cb"), ("client_secret", secret));
            var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/par") { Content = Form(form) };
            request.Headers.Add("X-Forwarded-For", address);
            return auth.SendAsync(request);
        }
        static FormUrlEncodedContent Form((string, string)[] form) => new(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2)));

        Assert.Equal(302, (await AskAsync("203.0.113.7")).Status);
        Assert.Equal(303, (await AskAsync("203.0.113.7", form: true)).Status);
        Assert.Equal(201, (await PushAsync("203.0.113.7", "anyone")).Status);

        var page = await AskAsync("203.0.113.7");
        Assert.Equal((429, "60"), (page.Status, page.Header("Retry-After")));
        Assert.StartsWith("text/html", page.Header("Content-Type"), StringComparison.Ordinal);
        var json = await AskAsync("203.0.113.7", "application/json", form: true);
        Assert.Equal((429, "too_many_requests", "60"), (json.Status, json.Reply.Text("error"), json.Header("Retry-After")));
        Assert.Equal(429, (await PushAsync("203.0.113.7", "anyone")).Status);
        Assert.Equal(201, (await PushAsync("203.0.113.7", "web", "web-secret")).Status);
        Assert.Equal(302, (await AskAsync("203.0.113.8")).Status);
        Assert.Equal(3 + 1 + 1, await auth.ExecuteAsync("DELETE FROM authorization_transactions") + await auth.ExecuteAsync("DELETE FROM pushed_requests"));
        auth.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(302, (await AskAsync("203.0.113.7")).Status);
    }

    [Fact]
    public async Task Two_tabs_of_one_browser_do_not_disturb_each_other()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var first = (await browser.AuthorizeAsync(Browser.Web(("state", "one")))).Transaction;
        var second = (await browser.AuthorizeAsync(Browser.Web(("state", "two")))).Transaction;
        await browser.SignInAsync();

        Assert.Equal("two", (await browser.ResumeAsync(second))["state"]);
        Assert.Equal("one", (await browser.ResumeAsync(first))["state"]);
    }
}
