using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Storage;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class AuthorizationCodeTests
{
    private const string Invalid = """{"error":"invalid_grant","error_description":"Invalid authorization code"}""";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task OP_B_28_T_01_of_fifty_parallel_exchanges_one_succeeds(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var code = await CodeAsync(auth);
        await RedeemAsync(auth, "x"); // From now on the client's slow secret is remembered.

        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => RedeemAsync(auth, code)));

        var winner = Assert.Single(replies, reply => reply.Status == 200);
        Assert.All(replies.Where(reply => reply.Status != 200), reply => Assert.Equal((400, Invalid), (reply.Status, reply.Body)));
        // The others were second uses: what the first one got is dead, however the two crossed.
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", winner.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(winner.RefreshToken, "web:web-secret")).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task OP_B_29_T_03_F2_28_a_code_used_twice_ends_the_grant(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var code = await CodeAsync(auth);
        var first = await RedeemAsync(auth, code);
        var untouched = await RedeemAsync(auth, await CodeAsync(auth));
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", first.AccessToken)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(30));

        var second = await RedeemAsync(auth, code);

        Assert.Equal((400, Invalid), (second.Status, second.Body));
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", first.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(first.RefreshToken, "web:web-secret")).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", untouched.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(untouched.RefreshToken, "web:web-secret")).Status);
        Assert.Contains(auth.Logs, line => line.Contains("code.reused", StringComparison.Ordinal));
        Assert.DoesNotContain(auth.Logs, line => line.Contains(code, StringComparison.Ordinal));
    }

    [Fact]
    public async Task T_03_a_code_used_twice_ends_what_was_renewed_since()
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);
        var renewed = await auth.RefreshAsync((await RedeemAsync(auth, code)).RefreshToken, "web:web-secret");
        auth.Clock.Advance(TimeSpan.FromHours(3)); // Long after the code has ended.
        var newest = await auth.RefreshAsync(renewed.RefreshToken, "web:web-secret");

        await RedeemAsync(auth, code);

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", newest.AccessToken)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(newest.RefreshToken, "web:web-secret")).Status);
    }

    [Fact]
    public async Task A_05_V_040_T_03_F2_27_another_client_neither_gets_spends_nor_ends_anything()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("strict", redirects: [Browser.WebUri], wire: "rfc");
        var code = await CodeAsync(auth);

        var uaa = await auth.RedeemAsync(code, redirectUri: Browser.WebUri, more: ("code_verifier", Browser.Verifier));
        var rfc = await auth.RedeemAsync(code, "strict:secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
        var owner = await RedeemAsync(auth, code);
        var replay = await auth.RedeemAsync(code, redirectUri: Browser.WebUri, more: ("code_verifier", Browser.Verifier));
        var foreignRefresh = await auth.RefreshAsync(owner.RefreshToken, "app:appclientsecret");

        Assert.Equal((401, "invalid_client", "Client ID mismatch"), (uaa.Status, uaa.Text("error"), uaa.Text("error_description")));
        Assert.Equal((400, "invalid_grant"), (rfc.Status, rfc.Text("error")));
        Assert.Equal(200, owner.Status);
        Assert.Equal(401, replay.Status);
        Assert.Equal(400, foreignRefresh.Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", owner.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(owner.RefreshToken, "web:web-secret")).Status);
    }

    [Fact]
    public async Task K_02_F2_29_a_code_lives_for_sixty_seconds()
    {
        await using var auth = await DemoAuth.StartAsync();
        var (timely, late) = (await CodeAsync(auth), await CodeAsync(auth));
        auth.Clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(200, (await RedeemAsync(auth, timely)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        var reply = await RedeemAsync(auth, late);

        Assert.Equal((400, "invalid_grant", "Authorization code expired"), (reply.Status, reply.Text("error"), reply.Text("error_description")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://localhost:8080/login/callback/")]
    [InlineData("http://localhost:8080/login/Callback")]
    [InlineData("https://evil.example/")]
    public async Task A_05_the_redirect_uri_must_be_that_of_the_request(string uri)
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);

        var wrong = await auth.RedeemAsync(code, "web:web-secret", uri, ("code_verifier", Browser.Verifier));

        Assert.Equal((400, """{"error":"invalid_grant","error_description":"Redirect URI mismatch."}"""), (wrong.Status, wrong.Body));
        Assert.Equal(200, (await RedeemAsync(auth, code)).Status);
    }

    [Fact]
    public async Task P_01_P_02_F2_42_B_08_V_069_the_verifier_must_be_the_challenges_own()
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);

        var missing = await auth.RedeemAsync(code, "web:web-secret", Browser.WebUri);
        var wrong = await auth.RedeemAsync(code, "web:web-secret", Browser.WebUri, ("code_verifier", new string('a', 43)));
        var good = await RedeemAsync(auth, code);

        Assert.Equal((400, """{"error":"invalid_grant","error_description":"PKCE error: Code verifier must be provided for this authorization code."}"""), (missing.Status, missing.Body));
        Assert.Equal((400, """{"error":"invalid_grant","error_description":"Invalid code verifier"}"""), (wrong.Status, wrong.Body));
        Assert.Equal(200, good.Status);
    }

    [Fact]
    public async Task P_03_the_third_wrong_verifier_burns_the_code()
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);
        for (var i = 0; i < 3; i++) await auth.RedeemAsync(code, "web:web-secret", Browser.WebUri, ("code_verifier", new string('a', 43)));

        var reply = await RedeemAsync(auth, code);

        Assert.Equal((400, Invalid), (reply.Status, reply.Body));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa+")]
    [InlineData("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9")]
    public async Task P_01_a_malformed_verifier_is_refused_in_the_form_the_client_expects(string verifier)
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("strict", metadata: new(), wire: "rfc");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(("client_id", "strict"), ("response_type", "code"), ("code_challenge", Browser.Challenge), ("code_challenge_method", "S256"))).Code;

        var uaa = await auth.RedeemAsync(await CodeAsync(auth), "web:web-secret", Browser.WebUri, ("code_verifier", verifier));
        var rfc = await auth.RedeemAsync(code, "strict:secret", "", ("code_verifier", verifier));

        Assert.Equal((400, "invalid_request"), (uaa.Status, uaa.Text("error")));
        Assert.Equal((400, "invalid_grant"), (rfc.Status, rfc.Text("error")));
    }

    [Fact]
    public async Task B_09_V_069_a_verifier_for_a_code_without_challenge_is_refused()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("plain");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(("client_id", "plain"), ("response_type", "code"))).Code;

        var downgraded = await auth.RedeemAsync(code, "plain:secret", "", ("code_verifier", Browser.Verifier));
        var honest = await auth.RedeemAsync(code, "plain:secret", "");

        Assert.Equal((400, """{"error":"invalid_grant","error_description":"PKCE error: Code verifier not required for this authorization code."}"""), (downgraded.Status, downgraded.Body));
        Assert.Equal(200, honest.Status);
    }

    [Theory]
    [InlineData("public", "invalid_request")]
    [InlineData("public that was told it need not", "invalid_request")]
    [InlineData("confidential", "invalid_request")]
    [InlineData("confidential that was told it need not", null)]
    [InlineData("confidential that was told it must", "invalid_request")]
    public async Task B_06_B_07_V_069_who_needs_a_challenge(string kind, string? error)
    {
        await using var auth = await DemoAuth.StartAsync();
        var isPublic = kind.StartsWith("public", StringComparison.Ordinal);
        await auth.RegisterAsync("kind", metadata: new() { RequirePkce = kind.EndsWith("not", StringComparison.Ordinal) ? false : kind.EndsWith("must", StringComparison.Ordinal) ? true : null }, isPublic: isPublic);
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.Equal(error, (await browser.AuthorizeAsync(("client_id", "kind"), ("response_type", "code"))).Error);
    }

    [Fact]
    public async Task B_07_the_setting_speaks_for_confidential_clients_that_say_nothing_and_never_for_public_ones()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:requirePkce", "false"));
        await auth.RegisterAsync("confidential", metadata: new());
        await auth.RegisterAsync("public", metadata: new(), isPublic: true);
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.Null((await browser.AuthorizeAsync(("client_id", "confidential"), ("response_type", "code"))).Error);
        Assert.Equal("invalid_request", (await browser.AuthorizeAsync(("client_id", "public"), ("response_type", "code"))).Error);
    }

    [Fact]
    public async Task P_04_a_code_without_challenge_is_refused_once_the_client_must_have_one()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("plain");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(("client_id", "plain"), ("response_type", "code"))).Code;
        await auth.ExecuteAsync("UPDATE clients SET metadata = '{}' WHERE client_id = 'plain'");

        Assert.Equal("invalid_grant", (await auth.RedeemAsync(code, "plain:secret", "")).Text("error"));
    }

    [Fact]
    public async Task K_01_codes_transactions_and_request_uris_are_256_random_bits()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var values = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            values.Add((await browser.AuthorizeAsync(Browser.Web())).Code);
            values.Add((await browser.AuthorizeAsync(Browser.App())).Transaction);
            values.Add((await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri")["urn:ietf:params:oauth:request_uri:".Length..]);
        }

        Assert.All(values, value => Assert.Equal(32, System.Buffers.Text.Base64Url.DecodeFromChars(value).Length));
        // No place has the same character in all of them: none is fixed or counts.
        for (var i = 0; i < 43; i++) Assert.True(values.Select(value => value[i]).Distinct().Count() > 4, $"place {i}");
        Assert.Equal(values.Count, values.Distinct().Count());
    }

    [Fact]
    public async Task B_21_a_code_of_one_session_fails_in_another()
    {
        await using var auth = await DemoAuth.StartAsync();
        var victim = await CodeAsync(auth, AuthorizeExtensions.S256(new string('v', 43)));

        var injected = await auth.RedeemAsync(victim, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));

        Assert.Equal("invalid_grant", injected.Text("error"));
    }

    [Fact]
    public async Task T_02_V_047_each_kind_of_value_opens_its_own_door_alone()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(Browser.Web())).Code;
        var transaction = (await browser.AuthorizeAsync(Browser.App())).Transaction;
        var pushed = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri")["urn:ietf:params:oauth:request_uri:".Length..];
        var tokens = await RedeemAsync(auth, await CodeAsync(auth));

        foreach (var foreign in new[] { transaction, pushed, tokens.RefreshToken, tokens.AccessToken, browser.Cookies.Values.First(), tokens.Text("jti") })
            Assert.Equal("invalid_grant", (await RedeemAsync(auth, foreign)).Text("error"));
        foreach (var foreign in new[] { code, transaction, tokens.RefreshToken })
            Assert.Equal(400, (await browser.AuthorizeAsync(("client_id", "web"), ("request_uri", "urn:ietf:params:oauth:request_uri:" + foreign))).Status);
        foreach (var foreign in new[] { code, pushed, tokens.RefreshToken }) Assert.Equal(400, (await browser.ResumeAsync(foreign)).Status);
        foreach (var foreign in new[] { code, pushed, transaction }) Assert.Equal(401, (await auth.RefreshAsync(foreign, "web:web-secret")).Status);
        // All that was tried in the wrong place is still good in the right one.
        Assert.Equal(200, (await RedeemAsync(auth, code)).Status);
        Assert.StartsWith("/uaa/oauth/confirm_access", (await browser.ResumeAsync(transaction)).Location, StringComparison.Ordinal);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_04_the_database_holds_nothing_that_can_be_shown(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(Browser.Web())).Code;
        var transaction = (await browser.AuthorizeAsync(Browser.App())).Transaction;
        var pushed = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri")["urn:ietf:params:oauth:request_uri:".Length..];

        foreach (var (table, column) in new[] { ("authorization_codes", "code_hash"), ("authorization_transactions", "transaction_hash"), ("authorization_transactions", "browser_hash"), ("pushed_requests", "request_hash") })
        {
            await using var database = auth.Database.Open("auth");
            var rows = await database.WriteAsync(async (connection, write) => (await connection.QueryAsync<string>($"SELECT {column} FROM {table}", null, write)).ToArray(), TestContext.Current.CancellationToken);
            Assert.NotEmpty(rows);
            Assert.All(rows, row => Assert.Matches("^[0-9a-f]{64}$", row));
            Assert.DoesNotContain(rows, row => row == code || row == transaction || row == pushed);
        }
        Assert.Equal("invalid_grant", (await RedeemAsync(auth, code[..^1])).Text("error"));
        Assert.Equal("invalid_grant", (await RedeemAsync(auth, code + "A")).Text("error"));
    }

    [Theory]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'")]
    [InlineData("DELETE FROM users WHERE user_name = 'demo'")]
    [InlineData("UPDATE users SET salt = 'another' WHERE user_name = 'demo'")]
    [InlineData("UPDATE clients SET scopes = 'other' WHERE client_id = 'web'")]
    [InlineData("UPDATE clients SET token_salt = 'another' WHERE client_id = 'web'")]
    public async Task T_10_the_exchange_asks_again_whether_user_and_client_may(string change)
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);
        await auth.ExecuteAsync(change);

        Assert.Equal("invalid_grant", (await RedeemAsync(auth, code)).Text("error"));
    }

    [Fact]
    public async Task T_10_a_session_that_has_ended_ends_its_codes()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var session = await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(Browser.Web())).Code;
        await auth.Services.GetRequiredService<ISessions>().EndAsync(session.Id, "test", TestContext.Current.CancellationToken);

        Assert.Equal("invalid_grant", (await RedeemAsync(auth, code)).Text("error"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task What_has_ended_is_pruned_and_a_spent_code_stays_as_long_as_its_tokens(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var code = await CodeAsync(auth);
        await RedeemAsync(auth, code);
        await new Browser(auth).AuthorizeAsync(Browser.App());
        await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web());
        var prunable = auth.Services.GetServices<IPrunable>().OfType<PrunableAuthorizations>().Single();
        async Task<(int, int, int)> CountAsync()
        {
            await using var database = auth.Database.Open("auth");
            await using var connection = await database.OpenAsync(TestContext.Current.CancellationToken);
            return (await connection.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM authorization_codes"),
                await connection.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM authorization_transactions"),
                await connection.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM pushed_requests"));
        }
        var now = auth.Clock.GetUtcNow();

        Assert.True(await prunable.PruneAsync(now.AddMinutes(50), TestContext.Current.CancellationToken));
        var fresh = await CountAsync();
        Assert.True(await prunable.PruneAsync(now.AddHours(23), TestContext.Current.CancellationToken));
        var day = await CountAsync();
        Assert.True(await prunable.PruneAsync(now.AddHours(25), TestContext.Current.CancellationToken));
        var over = await CountAsync();

        Assert.Equal((1, 1, 1), fresh);
        Assert.Equal((1, 0, 0), day);
        Assert.Equal((0, 0, 0), over);
    }

    [Fact]
    public async Task T_10_a_code_does_not_outlive_the_end_of_the_users_tokens_at_the_client()
    {
        await using var auth = await DemoAuth.StartAsync();
        var code = await CodeAsync(auth);
        auth.Clock.Advance(TimeSpan.FromSeconds(2));
        var id = (await Token.Given.UserAsync(auth)).Id;
        Assert.Equal(200, (await auth.GetAsync($"uaa/oauth/token/revoke/user/{id}/client/web", await auth.AdminAsync())).Status);

        var late = await RedeemAsync(auth, code);

        Assert.Equal((400, Invalid), (late.Status, late.Body));
        auth.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(200, (await RedeemAsync(auth, await CodeAsync(auth))).Status);
    }

    private static async Task<string> CodeAsync(DemoAuth auth, string challenge = Browser.Challenge)
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        return (await browser.AuthorizeAsync(Browser.Web(("code_challenge", challenge)))).Code;
    }

    private static Task<Reply> RedeemAsync(DemoAuth auth, string code) => auth.RedeemAsync(code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
}
