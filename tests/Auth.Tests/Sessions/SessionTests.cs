using Dapper;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Sessions;

public sealed class SessionTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task X_13_the_cookie_is_host_only_secure_and_out_of_reach_of_scripts_and_the_database_holds_its_hash()
    {
        var browser = new Browser(auth);

        var answer = await browser.SignInAsync();

        var cookie = Assert.Single(answer.SetCookies, line => line.StartsWith("__Host-sm-session=", StringComparison.Ordinal));
        Assert.Matches("^__Host-sm-session=[A-Za-z0-9_-]{43}; path=/; secure; samesite=lax; httponly$", cookie);
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        var hashes = (await connection.QueryAsync<string>("SELECT secret_hash FROM sessions")).ToArray();
        Assert.DoesNotContain(browser.Session, hashes);
        Assert.Contains(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(browser.Session!))), hashes);
        Assert.DoesNotContain(auth.Logs, line => line.Contains(browser.Session!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task K_13_a_session_ends_when_it_is_idle_for_thirty_minutes()
    {
        await using var own = await DemoAuth.StartAsync();
        var browser = new Browser(own);
        await browser.SignInAsync();
        for (var i = 0; i < 3; i++)
        {
            own.Clock.Advance(TimeSpan.FromMinutes(29));
            Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
        }

        own.Clock.Advance(TimeSpan.FromMinutes(31));

        Assert.Equal("Not signed in", (await browser.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task K_13_T_21_a_session_ends_after_twelve_hours_however_much_it_is_used()
    {
        await using var own = await DemoAuth.StartAsync();
        var browser = new Browser(own);
        await browser.SignInAsync();
        for (var i = 0; i < 28; i++)
        {
            own.Clock.Advance(TimeSpan.FromMinutes(25));
            Assert.Equal("You are signed in", (await browser.GetAsync("uaa/")).Title);
        }

        own.Clock.Advance(TimeSpan.FromMinutes(25));

        Assert.Equal("Not signed in", (await browser.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task T_21_V_062_a_cookie_planted_before_the_sign_in_opens_nothing_after_it()
    {
        var attacker = new Browser(auth);
        await attacker.SignInAsync("admin", "admin");
        var planted = attacker.Session!;
        var victim = new Browser(auth) { Cookies = { ["__Host-sm-session"] = planted } };
        // The sign-in page is for those who are not signed in; with an outdated form it is reached all the same.
        var page = await new Browser(auth).GetAsync("uaa/login");
        var form = page.SetCookies.Single(line => line.StartsWith("__Host-sm-form=", StringComparison.Ordinal));
        victim.Cookies["__Host-sm-form"] = form.Split(';')[0]["__Host-sm-form=".Length..];

        var answer = await victim.SignInAsync(page: page);

        Assert.Equal(303, answer.Status);
        Assert.NotEqual(planted, victim.Session);
        Assert.Contains("demo", (await victim.GetAsync("uaa/")).Text, StringComparison.Ordinal);
        Assert.Equal("Not signed in", (await attacker.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task V_107_a_session_is_renewed_for_its_own_person_only()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var store = auth.Services.GetRequiredService<ISessionStore>();
        var hash = BrowserCookie.Hash(browser.Session!);
        var now = auth.Clock.GetUtcNow();
        var session = (await store.FindAsync(hash, now, now.AddHours(-1), Cancel))!;

        Assert.False(await store.RenewAsync(session with { UserId = "somebody else" }, hash, "other", Cancel));
        Assert.Equal(session, (await store.FindAsync(hash, now, now.AddHours(-1), Cancel))! with { Amr = session.Amr });
        Assert.True(await store.RenewAsync(session, hash, "other", Cancel));
        Assert.Null(await store.FindAsync(hash, now, now.AddHours(-1), Cancel));
    }

    [Theory]
    [InlineData("%5f%5fHost-sm-session={0}")]
    [InlineData("__host-sm-session={0}")]
    [InlineData("sm-session={0}")]
    [InlineData("__Host-sm-session={0}; __Host-sm-session={0}")]
    [InlineData("__Host-sm-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; __Host-sm-session={0}")]
    [InlineData("__Host-sm-session=\"{0}\"")]
    public async Task V_108_only_one_cookie_of_exactly_the_name_counts(string cookie)
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        Assert.Equal("You are signed in", (await browser.SendAsync(HttpMethod.Get, "uaa/", null, Browser.Html, "__Host-sm-session=" + browser.Session)).Title);

        var page = await browser.SendAsync(HttpMethod.Get, "uaa/", null, Browser.Html, string.Format(System.Globalization.CultureInfo.InvariantCulture, cookie, browser.Session));

        Assert.Equal("Not signed in", page.Title);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_062_a_user_who_is_disabled_or_has_a_new_password_is_signed_in_nowhere(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var (first, second) = (new Browser(own), new Browser(own));
        await first.SignInAsync();
        await second.SignInAsync("admin", "admin");

        await own.ExecuteAsync("UPDATE users SET active = @no WHERE user_name = 'demo'");
        await own.ExecuteAsync("UPDATE users SET salt = 'another' WHERE user_name = 'admin'");

        Assert.Equal("Not signed in", (await first.GetAsync("uaa/")).Title);
        Assert.Equal("Not signed in", (await second.GetAsync("uaa/")).Title);
    }

    [Fact]
    public async Task T_21_sessions_are_listed_and_ended_by_user()
    {
        await using var own = await DemoAuth.StartAsync();
        var (first, second, other) = (new Browser(own), new Browser(own), new Browser(own));
        await first.SignInAsync();
        own.Clock.Advance(TimeSpan.FromMinutes(2));
        await second.SignInAsync();
        await other.SignInAsync("admin", "admin");
        var sessions = own.Services.GetRequiredService<ISessions>();
        var (_, user) = (await CurrentAsync(own, second))!.Value;

        var list = await sessions.ListAsync("uaa", user.Id, Cancel);
        Assert.Equal(2, list.Count);
        Assert.Equal(TimeSpan.FromMinutes(2), list[0].AuthTime - list[1].AuthTime);
        await sessions.EndAllAsync("uaa", user.Id, "test", Cancel);

        Assert.Empty(await sessions.ListAsync("uaa", user.Id, Cancel));
        Assert.Equal("Not signed in", (await first.GetAsync("uaa/")).Title);
        Assert.Equal("Not signed in", (await second.GetAsync("uaa/")).Title);
        Assert.Equal("You are signed in", (await other.GetAsync("uaa/")).Title);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_11_the_end_of_a_session_ends_its_refresh_tokens_and_parts_the_offline_ones(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        var browser = new Browser(own);
        await browser.SignInAsync();
        var (session, user) = (await CurrentAsync(own, browser))!.Value;
        var client = new AuthenticatedClient((await own.Services.GetRequiredService<IClients>().FindAsync("uaa", "browser", Cancel))!, null);
        var families = own.Services.GetRequiredService<RefreshFamilies>();
        Authorization Grant(string? sessionId, bool offline) => new()
        {
            Client = client,
            User = user,
            Scopes = ["ui", "openid"],
            Resources = [],
            // Not a code's: at that the approvals would be asked for as well.
            GrantType = "password",
            AuthTime = session.AuthTime,
            SessionId = sessionId,
            Details = new SignInDetails { Offline = offline },
        };
        Task<string> StartAsync(string? sessionId, bool offline) => families.StartAsync(Grant(sessionId, offline), own.Clock.GetUtcNow(), Cancel);
        var (online, offline, elsewhere) = (await StartAsync(session.Id, false), await StartAsync(session.Id, true), await StartAsync("another", false));

        await own.Services.GetRequiredService<ISessions>().EndAsync(session.Id, "test", Cancel);

        Assert.Equal(401, (await own.RefreshAsync(online)).Status);
        var refreshed = await own.RefreshAsync(offline);
        Assert.Equal(200, refreshed.Status);
        Assert.False(refreshed.Claims.TryGetProperty("sid", out _));
        Assert.Equal(200, (await own.RefreshAsync(elsewhere)).Status);
        await using var database = own.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        Assert.Equal(session.Id, await connection.QuerySingleAsync<string>("SELECT subject FROM revocations WHERE kind = 'session'"));
        Assert.False(await own.Services.GetRequiredService<ISessions>().IsLiveAsync(session.Id, Cancel));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Sessions_that_are_long_over_are_pruned(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        await new Browser(own).SignInAsync();
        var now = own.Clock.GetUtcNow();
        foreach (var prunable in own.Services.GetServices<Auth.Pruning.IPrunable>()) Assert.True(await prunable.PruneAsync(now.AddHours(35), Cancel));
        Assert.Equal(1, await own.ExecuteAsync("UPDATE sessions SET address = NULL"));

        foreach (var prunable in own.Services.GetServices<Auth.Pruning.IPrunable>()) Assert.True(await prunable.PruneAsync(now.AddHours(37), Cancel));

        Assert.Equal(0, await own.ExecuteAsync("UPDATE sessions SET address = NULL"));
    }

    [Fact]
    public void V_106_N_08_data_protection_is_not_one_of_the_versions_that_checked_nothing()
    {
        var version = typeof(Microsoft.AspNetCore.DataProtection.IDataProtector).Assembly
            .GetCustomAttributes(typeof(System.Reflection.AssemblyInformationalVersionAttribute), false).Cast<System.Reflection.AssemblyInformationalVersionAttribute>().Single().InformationalVersion;
        var (major, minor, patch) = version.Split('+')[0].Split('.') is [var a, var b, var c, ..] ? (Number(a), Number(b), Number(c)) : default;

        Assert.True((major, minor, patch).CompareTo((10, 0, 7)) >= 0, version);

        static int Number(string text) => int.Parse(text.Split('-')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task V_106_a_cookie_with_any_character_changed_opens_nothing()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var secret = browser.Session!;

        for (var i = 0; i < secret.Length; i++)
        {
            var changed = secret[..i] + (secret[i] == 'A' ? 'B' : 'A') + secret[(i + 1)..];
            Assert.Equal("Not signed in", (await browser.SendAsync(HttpMethod.Get, "uaa/", null, Browser.Html, "__Host-sm-session=" + changed)).Title);
        }
    }

    internal static Task<(Session Session, Auth.Users.User User)?> CurrentAsync(DemoAuth auth, Browser browser)
    {
        var http = new Microsoft.AspNetCore.Http.DefaultHttpContext { RequestServices = auth.Services };
        http.Request.Headers.Cookie = "__Host-sm-session=" + browser.Session;
        return auth.Services.GetRequiredService<ISessions>().CurrentAsync(http, Cancel);
    }
}
