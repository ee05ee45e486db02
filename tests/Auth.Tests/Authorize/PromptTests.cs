using System.Buffers.Text;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class PromptTests
{
    [Fact]
    public async Task OP_B_18_prompt_none_without_a_session_asks_nothing()
    {
        await using var auth = await DemoAuth.StartAsync();
        var state = new string('s', 128);

        var answer = await new Browser(auth).AuthorizeAsync(Browser.Web(("prompt", "none"), ("state", state)));

        Assert.Equal("login_required", answer.Error);
        Assert.Equal(state, answer["state"]);
        Assert.Equal(["error", "error_description", "iss", "state"], answer.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Empty(answer.Header("Set-Cookie"));
    }

    [Fact]
    public async Task OP_B_19_prompt_none_with_a_session_answers_at_once()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var first = await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web()));
        auth.Clock.Advance(TimeSpan.FromMinutes(5));

        var second = await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web(("prompt", "none"))));

        Assert.Equal(first.Sub, second.Sub);
        Assert.Equal(first.AuthTime, second.AuthTime);
    }

    [Theory]
    [InlineData("login")]
    [InlineData("select_account")]
    [InlineData("login consent")]
    public async Task OP_B_17_O_01_O_03_prompt_login_wants_a_sign_in_of_its_own(string prompt)
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var first = await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web()));
        auth.Clock.Advance(TimeSpan.FromMinutes(1));

        var page = await browser.AuthorizeAsync(Browser.Web(("prompt", prompt)));
        var again = await browser.ResumeAsync(page.Transaction);
        await ReauthenticateAsync(auth, browser, page.Transaction, consent: prompt.Contains("consent", StringComparison.Ordinal));
        var second = await IdTokenAsync(auth, await browser.ResumeAsync(page.Transaction));

        Assert.StartsWith("/uaa/login?transaction=", page.Location, StringComparison.Ordinal);
        Assert.Equal(page.Location, again.Location);
        Assert.Equal(first.Sub, second.Sub);
        Assert.Equal(first.AuthTime + 60, second.AuthTime);
    }

    [Fact]
    public async Task OP_B_20_OP_B_21_O_02_max_age_counts_from_the_sign_in()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromSeconds(2));

        var generous = await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web(("max_age", "15000"))));
        var same = await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web(("max_age", "10000"))));
        var exact = await browser.AuthorizeAsync(Browser.Web(("max_age", "2")));
        var strict = await browser.AuthorizeAsync(Browser.Web(("max_age", "1")));
        await ReauthenticateAsync(auth, browser, strict.Transaction);
        auth.Clock.Advance(TimeSpan.FromSeconds(3)); // A slow reader of the consent page is not sent back to the password.
        var later = await IdTokenAsync(auth, await browser.ResumeAsync(strict.Transaction));

        Assert.Equal(generous.AuthTime, same.AuthTime);
        Assert.Equal(43, exact.Code.Length);
        Assert.StartsWith("/uaa/login", strict.Location, StringComparison.Ordinal);
        Assert.Equal(generous.AuthTime + 2, later.AuthTime);
    }

    [Fact]
    public async Task O_02_max_age_zero_is_prompt_login_and_with_prompt_none_it_is_refused()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.StartsWith("/uaa/login", (await browser.AuthorizeAsync(Browser.Web(("max_age", "0")))).Location, StringComparison.Ordinal);
        Assert.Equal("login_required", (await browser.AuthorizeAsync(Browser.Web(("max_age", "0"), ("prompt", "none")))).Error);
    }

    [Fact]
    public async Task OP_B_23_O_04_the_hint_names_who_must_be_there()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var hint = (await RedeemAsync(auth, await browser.AuthorizeAsync(Browser.Web()))).Text("id_token");
        auth.Clock.Advance(TimeSpan.FromMinutes(20)); // Expired by now: it still says who.

        var same = await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("id_token_hint", hint)));
        await browser.SignInAsync("admin");
        var other = await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("id_token_hint", hint)));
        var page = await browser.AuthorizeAsync(Browser.Web(("id_token_hint", hint)));
        await ReauthenticateAsync(auth, browser, page.Transaction, "admin");
        var wrong = await browser.ResumeAsync(page.Transaction);

        Assert.Equal(43, same.Code.Length);
        Assert.Equal("login_required", other.Error);
        Assert.StartsWith("/uaa/login", page.Location, StringComparison.Ordinal);
        Assert.Equal("login_required", wrong.Error);
    }

    [Fact]
    public async Task O_04_a_hint_of_another_key_client_or_kind_does_not_count()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var tokens = await RedeemAsync(auth, await browser.AuthorizeAsync(Browser.Web()));
        var good = tokens.Text("id_token");
        var ofAnotherClient = (await auth.SignInAsync()).Text("id_token");
        var parts = good.Split('.');
        var altered = $"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Jwt.Payload(good).ToString().Replace("pwd", "otp", StringComparison.Ordinal)))}.{parts[2]}";
        var unsigned = $"{Base64Url.EncodeToString("""{"alg":"none","typ":"JWT"}"""u8)}.{parts[1]}.";

        foreach (var hint in new[] { ofAnotherClient, altered, unsigned, tokens.AccessToken, "x", good + "x" })
            Assert.Equal("invalid_request", (await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("id_token_hint", hint)))).Error);
        Assert.Equal(43, (await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("id_token_hint", good)))).Code.Length);
    }

    [Fact]
    public async Task O_05_a_demanded_subject_must_be_the_one_who_is_there()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var own = (await IdTokenAsync(auth, await browser.AuthorizeAsync(Browser.Web()))).Sub;

        var good = await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("claims", """{"id_token":{"sub":{"value":"OWN"}}}""".Replace("OWN", own, StringComparison.Ordinal))));
        var other = await browser.AuthorizeAsync(Browser.Web(("prompt", "none"), ("claims", """{"id_token":{"sub":{"value":"somebody"}}}""")));

        Assert.Equal(43, good.Code.Length);
        Assert.Equal("login_required", other.Error);
    }

    [Fact]
    public async Task OP_B_35_an_essential_claim_of_userinfo_is_no_obstacle()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var tokens = await RedeemAsync(auth, await browser.AuthorizeAsync(Browser.Web(("claims", """{"userinfo":{"name":{"essential":true}}}"""))));

        Assert.Equal("Demo User", (await auth.GetAsync("uaa/userinfo", tokens.AccessToken)).Text("name"));
    }

    [Fact]
    public async Task T_15_consent_is_asked_by_whoever_is_not_approved_and_always_with_prompt_consent()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var asked = await browser.AuthorizeAsync(Browser.App());
        var none = await browser.AuthorizeAsync(Browser.App(("prompt", "none")));
        var always = await browser.AuthorizeAsync(Browser.Web(("prompt", "consent")));
        var resumed = await browser.ResumeAsync(always.Transaction);

        Assert.StartsWith("/uaa/oauth/confirm_access?transaction=", asked.Location, StringComparison.Ordinal);
        Assert.Equal("interaction_required", none.Error);
        Assert.StartsWith("/uaa/oauth/confirm_access?transaction=", always.Location, StringComparison.Ordinal);
        Assert.Equal(always.Location, resumed.Location);
    }

    [Fact]
    public async Task T_15_the_code_has_what_was_agreed_to_and_only_from_who_agreed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var transactions = auth.Services.GetRequiredService<IAuthorizationTransactions>();
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();
        var page = await browser.AuthorizeAsync(Browser.App(("scope", "openid ui")));
        // More than was asked is not granted either.
        Assert.True(await transactions.MarkConsentedAsync(browser.Context(), page.Transaction, session, ["openid", "password.write"], TestContext.Current.CancellationToken));
        var other = await browser.SignInAsync("admin");
        var asOther = await browser.ResumeAsync(page.Transaction);
        Assert.True(await transactions.MarkConsentedAsync(browser.Context(), page.Transaction, other, ["openid", "password.write"], TestContext.Current.CancellationToken));
        var answer = await browser.ResumeAsync(page.Transaction);

        Assert.StartsWith("/uaa/oauth/confirm_access", asOther.Location, StringComparison.Ordinal);
        Assert.Equal("openid", (await auth.RedeemAsync(answer.Code)).Text("scope"));
    }

    [Fact]
    public async Task B_06_the_command_line_signs_in_without_a_secret_by_its_challenge()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();
        const string uri = "http://127.0.0.1:49152/callback";
        var page = await browser.AuthorizeAsync(
            ("client_id", "mesh-cli"), ("redirect_uri", uri), ("response_type", "code"), ("scope", "openid ui"), ("code_challenge", Browser.Challenge), ("code_challenge_method", "S256"));
        Assert.True(await auth.Services.GetRequiredService<IAuthorizationTransactions>().MarkConsentedAsync(browser.Context(), page.Transaction, session, ["openid", "ui"], TestContext.Current.CancellationToken));
        var code = (await browser.ResumeAsync(page.Transaction)).Code;
        (string, string)[] form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri), ("client_id", "mesh-cli")];

        var without = await auth.PostAsync("uaa/oauth/token", null, form);
        var tokens = await auth.PostAsync("uaa/oauth/token", null, [.. form, ("code_verifier", Browser.Verifier)]);

        Assert.InRange(without.Status, 400, 401);
        Assert.Equal(200, tokens.Status);
        Assert.Equal("openid ui", tokens.Text("scope"));
        Assert.Equal("none", tokens.Claims.GetProperty("client_auth_method").GetString());
    }

    [Fact]
    public async Task F2_03_a_person_who_says_no_is_reported()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var page = await browser.AuthorizeAsync(Browser.App());
        Assert.True(await auth.Services.GetRequiredService<IAuthorizationTransactions>().DenyAsync(browser.Context(), page.Transaction, TestContext.Current.CancellationToken));

        var answer = await browser.ResumeAsync(page.Transaction);
        var again = await browser.ResumeAsync(page.Transaction);

        Assert.Equal("access_denied", answer.Error);
        Assert.Equal("User denied access", answer["error_description"]);
        Assert.Equal("st", answer["state"]);
        Assert.Equal("http://localhost:8080/uaa/oauth/token", answer["iss"]);
        Assert.Equal(400, again.Status);
    }

    [Fact]
    public async Task O_09_access_while_away_is_asked_for_and_a_setting_makes_it_the_condition_for_refresh_tokens()
    {
        await using var auth = await DemoAuth.StartAsync(Sdk.SqlEngine.Sqlite, ("auth:token:refreshTokenNeedsOfflineAccess", "true"));
        await auth.RegisterAsync("away", scopes: "openid ui offline_access");
        await auth.ExecuteAsync("UPDATE clients SET auto_approve = 'true' WHERE client_id = 'away'");
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();
        (string, string)[] ask = [("client_id", "away"), ("response_type", "code")];

        var without = await auth.RedeemAsync((await browser.AuthorizeAsync([.. ask, ("scope", "openid")])).Code, "away:secret", "");
        var unnamed = await auth.RedeemAsync((await browser.AuthorizeAsync(ask)).Code, "away:secret", "");
        var page = await browser.AuthorizeAsync([.. ask, ("scope", "openid offline_access")]);
        Assert.True(await auth.Services.GetRequiredService<IAuthorizationTransactions>().MarkConsentedAsync(browser.Context(), page.Transaction, session, ["openid", "offline_access"], TestContext.Current.CancellationToken));
        var user = await auth.Services.GetRequiredService<IUsers>().FindAsync("uaa", session.UserId, TestContext.Current.CancellationToken);
        var away = await auth.Services.GetRequiredService<IClients>().FindAsync("uaa", "away", TestContext.Current.CancellationToken);
        await auth.Services.GetRequiredService<IApprovals>().DecideAsync(user!, away!, ["openid", "offline_access"], [], TestContext.Current.CancellationToken);
        var with = await auth.RedeemAsync((await browser.ResumeAsync(page.Transaction)).Code, "away:secret", "");

        Assert.False(without.Json.TryGetProperty("refresh_token", out _));
        Assert.False(unnamed.Json.TryGetProperty("refresh_token", out _));
        Assert.StartsWith("/uaa/oauth/confirm_access", page.Location, StringComparison.Ordinal);
        Assert.Equal("openid offline_access", with.Text("scope"));
        Assert.Equal(200, (await auth.RefreshAsync(with.RefreshToken, "away:secret")).Status);
    }

    private static async Task ReauthenticateAsync(DemoAuth auth, Browser browser, string transaction, string name = "demo", bool consent = false)
    {
        var session = await browser.SignInAsync(name);
        var transactions = auth.Services.GetRequiredService<IAuthorizationTransactions>();
        Assert.True(await transactions.MarkAuthenticatedAsync(browser.Context(), transaction, session, TestContext.Current.CancellationToken));
        if (consent) Assert.True(await transactions.MarkConsentedAsync(browser.Context(), transaction, session, ["openid"], TestContext.Current.CancellationToken));
    }

    private static Task<Reply> RedeemAsync(DemoAuth auth, Page answer) => auth.RedeemAsync(answer.Code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

    private static async Task<(string Sub, long AuthTime)> IdTokenAsync(DemoAuth auth, Page answer)
    {
        var claims = Jwt.Payload((await RedeemAsync(auth, answer)).Text("id_token"));
        return (claims.GetProperty("sub").GetString()!, claims.GetProperty("auth_time").GetInt64());
    }
}
