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
