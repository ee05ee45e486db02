using System.Collections.Concurrent;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using SecureMesh.Auth.Tests.Login;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Logout;

public sealed class BackChannelTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OP_BC_01_the_metadata_says_so()
    {
        await using var auth = await DemoAuth.StartAsync();
        var metadata = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;

        Assert.True(metadata.GetProperty("backchannel_logout_supported").GetBoolean());
        Assert.True(metadata.GetProperty("backchannel_logout_session_supported").GetBoolean());
        Assert.False(metadata.TryGetProperty("frontchannel_logout_supported", out _));
        Assert.False(metadata.TryGetProperty("check_session_iframe", out _));
    }

    [Theory]
    [InlineData(null, "RS256")]
    [InlineData("ES256", "ES256")]
    public async Task OP_BC_02_OP_BC_03_OP_BC_04_OP_BC_05_O_11_an_application_gets_a_logout_token_and_nothing_else(string? alg, string expected)
    {
        await using var auth = await DemoAuth.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        await AddAsync(auth, "app1", receiver, "/1", alg);
        await AddAsync(auth, "unreached", receiver, "/2", null);
        var browser = new Browser(auth);
        var tokens = await App.TokensAsync(auth, "app1", await LogoutTests.ThroughAsync(browser, "app1", "demo"));
        var idToken = Jwt.Payload(tokens.Text("id_token"));

        await browser.SubmitAsync(await browser.GetAsync("uaa/"));

        var (path, type, form) = await receiver.NextAsync();
        Assert.Equal(("/1", "application/x-www-form-urlencoded"), (path, type));
        var field = Assert.Single(form);
        Assert.Equal("logout_token", field.Key);
        var header = Jwt.Header(field.Value);
        Assert.Equal((expected, "logout+jwt"), (header.GetProperty("alg").GetString(), header.GetProperty("typ").GetString()));
        Assert.Contains(header.GetProperty("kid").GetString(), (await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()));
        var claims = Jwt.Payload(field.Value);
        Assert.Equal(["aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"], claims.EnumerateObject().Select(claim => claim.Name).Order(StringComparer.Ordinal));
        Assert.Equal("http://localhost:8080/uaa/oauth/token", claims.GetProperty("iss").GetString());
        Assert.Equal("app1", claims.GetProperty("aud").GetString());
        Assert.Equal(idToken.GetProperty("sub").GetString(), claims.GetProperty("sub").GetString());
        Assert.Equal(idToken.GetProperty("sid").GetString(), claims.GetProperty("sid").GetString());
        Assert.Equal(auth.Clock.GetUtcNow().ToUnixTimeSeconds(), claims.GetProperty("iat").GetInt64());
        Assert.Equal(120, claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64());
        Assert.Equal("""{"http://schemas.openid.net/event/backchannel-logout":{}}""", claims.GetProperty("events").GetRawText());
        await EmptyAsync(auth);
        Assert.Empty(receiver.Waiting);
        Assert.Equal("login_required", App.Query(await browser.FollowAsync(App.Authorize("app1", more: "&prompt=none")), "error"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task OP_BC_06_three_tries_with_pauses_then_it_is_given_up(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await using var receiver = await Receiver.StartAsync(_ => 503);
        await AddAsync(auth, "failing", receiver, "/x", null);
        var browser = new Browser(auth);
        await LogoutTests.ThroughAsync(browser, "failing", "demo");

        await browser.SubmitAsync(await browser.GetAsync("uaa/"));
        await receiver.NextAsync();
        await UntilAsync(auth, "tries = 1 AND due_at", auth.Clock.GetUtcNow().AddSeconds(5));
        Assert.Empty(receiver.Waiting);
        await NextAfterAsync(auth, receiver, TimeSpan.FromSeconds(6));
        await UntilAsync(auth, "tries = 2 AND due_at", auth.Clock.GetUtcNow().AddSeconds(30));
        await NextAfterAsync(auth, receiver, TimeSpan.FromSeconds(31));

        await EmptyAsync(auth);
        Assert.Contains(auth.Logs, line => line.Contains("Could not tell failing", StringComparison.Ordinal) && line.Contains("try 3: status 503", StringComparison.Ordinal));
        Assert.DoesNotContain(auth.Logs, line => line.Contains("eyJ", StringComparison.Ordinal));
    }

    // Whoever had just looked for what is due waits for the next turn: the clock goes on until it has come.
    private static async Task NextAfterAsync(DemoAuth auth, Receiver receiver, TimeSpan pause)
    {
        auth.Clock.Advance(pause);
        var next = receiver.NextAsync();
        while (await Task.WhenAny(next, Task.Delay(TimeSpan.FromSeconds(1), Cancel)) != next) auth.Clock.Advance(TimeSpan.FromSeconds(5));
        await next;
    }

    [Fact]
    public async Task OP_BC_06_a_redirect_is_not_followed_and_counts_as_a_failure()
    {
        await using var auth = await DemoAuth.StartAsync();
        await using var receiver = await Receiver.StartAsync(path => path == "/away" ? 302 : 200);
        await AddAsync(auth, "moving", receiver, "/away", null);
        var browser = new Browser(auth);
        await LogoutTests.ThroughAsync(browser, "moving", "demo");

        await browser.SubmitAsync(await browser.GetAsync("uaa/"));

        Assert.Equal("/away", (await receiver.NextAsync()).Path);
        await UntilAsync(auth, "tries = 1 AND due_at", auth.Clock.GetUtcNow().AddSeconds(5));
        Assert.Empty(receiver.Waiting);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task OP_BC_06_what_is_not_delivered_when_the_process_ends_is_delivered_by_the_next(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var away = true;
        await using var receiver = await Receiver.StartAsync(_ => away ? 500 : 200);
        await AddAsync(auth, "later", receiver, "/x", null);
        var browser = new Browser(auth);
        await LogoutTests.ThroughAsync(browser, "later", "demo");
        await browser.SubmitAsync(await browser.GetAsync("uaa/"));
        await receiver.NextAsync();
        await UntilAsync(auth, "tries = 1 AND due_at", auth.Clock.GetUtcNow().AddSeconds(5));
        away = false;
        auth.Clock.Advance(TimeSpan.FromSeconds(1));

        await auth.RestartAsync();

        // The new process may look before the clock moves; it looks again every five seconds.
        var call = receiver.NextAsync();
        while (!call.IsCompleted)
        {
            auth.Clock.Advance(TimeSpan.FromSeconds(10));
            await Task.WhenAny(call, Task.Delay(50, Cancel));
        }
        await call;
        await EmptyAsync(auth);
    }

    [Fact]
    public async Task OP_BC_06_a_slow_application_delays_neither_the_page_nor_the_others()
    {
        await using var auth = await DemoAuth.StartAsync();
        var release = new TaskCompletionSource();
        await using var receiver = await Receiver.StartAsync(path => 200, path => path == "/slow" ? release.Task : Task.CompletedTask);
        await AddAsync(auth, "slow", receiver, "/slow", null);
        await AddAsync(auth, "quick", receiver, "/quick", null);
        var browsers = Enumerable.Range(0, 6).Select(_ => new Browser(auth)).ToArray();
        foreach (var browser in browsers)
        {
            await LogoutTests.ThroughAsync(browser, "slow", "demo");
            await LogoutTests.ThroughAsync(browser, "quick", "demo");
        }

        foreach (var browser in browsers) Assert.Equal("/uaa/logged_out", (await browser.SubmitAsync(await browser.GetAsync("uaa/"))).Location);

        var quick = 0;
        while (quick < browsers.Length) if ((await receiver.NextAsync()).Path == "/quick") quick++;
        Assert.False(release.Task.IsCompleted);
        release.SetResult();
    }

    [Fact]
    public async Task V_112_an_address_that_is_not_allowed_is_never_called()
    {
        await using var auth = await DemoAuth.StartAsync();
        await App.AddAsync(auth, "inside", client => client with { Metadata = client.Metadata with { BackchannelLogoutUri = "http://169.254.169.254/latest" } });
        var browser = new Browser(auth);
        await LogoutTests.ThroughAsync(browser, "inside", "demo");

        await browser.SubmitAsync(await browser.GetAsync("uaa/"));

        await UntilAsync(auth, "tries = 1 AND due_at", auth.Clock.GetUtcNow().AddSeconds(5));
        Assert.Contains(auth.Logs, line => line.Contains("Could not tell inside", StringComparison.Ordinal) && line.Contains("not allowed", StringComparison.Ordinal));
    }

    private static Task<Auth.Clients.Client> AddAsync(DemoAuth auth, string id, Receiver receiver, string path, string? alg) => App.AddAsync(auth, id, client => client with
    {
        Metadata = client.Metadata with { BackchannelLogoutUri = receiver.Url + path, IdTokenSignedResponseAlg = alg },
    });

    private static Task EmptyAsync(DemoAuth auth) => WaitAsync(auth, "SELECT COUNT(*) FROM logout_notices", 0);

    private static Task UntilAsync(DemoAuth auth, string condition, DateTimeOffset due) =>
        WaitAsync(auth, $"SELECT COUNT(*) FROM logout_notices WHERE {condition} = {due.ToUnixTimeMilliseconds()}", 1);

    private static async Task WaitAsync(DemoAuth auth, string sql, long wanted)
    {
        await using var database = auth.Database.Open("auth");
        await using var connection = await database.OpenAsync(Cancel);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await connection.ExecuteScalarAsync<long>(sql) != wanted) await Task.Delay(20, limit.Token);
    }

    /// <summary>The applications' end: real HTTP on the loopback address.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly System.Threading.Channels.Channel<(string Path, string Type, Dictionary<string, string> Form)> _calls = System.Threading.Channels.Channel.CreateUnbounded<(string, string, Dictionary<string, string>)>();

        private Receiver(Func<string, int> status, Func<string, Task> before)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            _app = builder.Build();
            _app.Run(async http =>
            {
                var form = await http.Request.ReadFormAsync();
                await _calls.Writer.WriteAsync((http.Request.Path, http.Request.ContentType!, form.ToDictionary(field => field.Key, field => field.Value.ToString())));
                await before(http.Request.Path);
                http.Response.StatusCode = status(http.Request.Path);
                if (http.Response.StatusCode == 302) http.Response.Headers.Location = "/followed";
            });
        }

        public string Url => _app.Urls.First();

        public IReadOnlyCollection<string> Waiting
        {
            get
            {
                var list = new ConcurrentQueue<string>();
                while (_calls.Reader.TryRead(out var call)) list.Enqueue(call.Path);
                return list;
            }
        }

        public static async Task<Receiver> StartAsync(Func<string, int>? status = null, Func<string, Task>? before = null)
        {
            var receiver = new Receiver(status ?? (_ => 200), before ?? (_ => Task.CompletedTask));
            await receiver._app.StartAsync();
            return receiver;
        }

        public async Task<(string Path, string Type, Dictionary<string, string> Form)> NextAsync() => await _calls.Reader.ReadAsync(Cancel).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        public async ValueTask DisposeAsync() => await _app.DisposeAsync();
    }
}
