using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Revocations;

/// <summary>A token service that sends revocations as a test says: numbered tokens, one key, and a feed written by hand.</summary>
internal sealed class StubFeed : IAsyncDisposable
{
    private WebApplication? _app;
    private int _tokens;
    private int _asked;
    private int _tokensAsked;
    private int _keysAsked;

    /// <summary>Base address without a final slash; what <c>mesh:auth:url</c> takes.</summary>
    public string Url { get; private set; } = "";

    /// <summary>How many tokens were issued: <c>token-1</c>, <c>token-2</c>, …</summary>
    public int Tokens => Volatile.Read(ref _tokens);

    /// <summary>How often a token was asked for, with whatever answer.</summary>
    public int TokensAsked => Volatile.Read(ref _tokensAsked);

    /// <summary>How often the feed was asked for, with whatever answer.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Answers the feed with this status instead; by token.</summary>
    public Func<string, int?> Refuse { get; set; } = _ => null;

    /// <summary>Answers the token endpoint with this status and body instead.</summary>
    public (int Status, string Body)? TokenAnswer { get; set; }

    /// <summary>Never answers the feed.</summary>
    public bool Hangs { get; set; }

    public string ContentType { get; set; } = "text/event-stream";

    /// <summary>Signs tokens; its public half is published.</summary>
    public SigningKey Key { get; set; } = new();

    /// <summary>Holds back the next answers with keys, as they were when they were asked for.</summary>
    public TaskCompletionSource? KeysHeld { get; set; }

    /// <summary>How often the keys of tokens were asked for.</summary>
    public int KeysAsked => Volatile.Read(ref _keysAsked);

    /// <summary>Signs passports; its public half is published.</summary>
    public SigningKey PassportKey { get; } = new();

    private Channel<Follower> Followers { get; } = Channel.CreateUnbounded<Follower>();

    public IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new("mesh:auth:url", Url), new("mesh:clientSecret", "s3cret"), new("mesh:issuer", "http://localhost:8080/uaa/oauth/token"),
        new("mesh:revocations:enabled", "true"),
    ];

    public static async Task<StubFeed> StartAsync()
    {
        var feed = new StubFeed();
        await feed.RunAsync("http://127.0.0.1:0");
        return feed;
    }

    /// <summary>The next who follows.</summary>
    public async Task<Follower> FollowerAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await Followers.Reader.ReadAsync(limit.Token);
    }

    /// <summary>The next who follows, while time passes.</summary>
    public async Task<Follower> FollowerAsync(TestClock clock)
    {
        Follower? follower = null;
        await PassAsync(clock, () => Followers.Reader.TryRead(out follower));
        return follower!;
    }

    /// <summary>Lets time pass in small steps until something has happened.</summary>
    public static async Task PassAsync(TestClock clock, Func<bool> happened)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!happened())
        {
            clock.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Delay(2, limit.Token);
        }
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        await _app.DisposeAsync();
        _app = null;
    }

    public Task RestartAsync() => RunAsync(Url);

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task RunAsync(string url)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        _app = builder.Build();
        _app.MapPost("/uaa/oauth/token", Token);
        _app.MapGet("/uaa/token_keys", KeysAsync);
        _app.MapGet("/uaa/passport_keys", () => Results.Json(new { keys = new[] { PassportKey.Public } }));
        _app.MapGet("/uaa/revocations", FeedAsync);
        _app.Urls.Add(url);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Url = _app.Urls.First();
    }

    private IResult Token()
    {
        Interlocked.Increment(ref _tokensAsked);
        if (TokenAnswer is { } answer) return Results.Text(answer.Body, "application/json", statusCode: answer.Status);
        return Results.Json(new { access_token = $"token-{Interlocked.Increment(ref _tokens)}", token_type = "bearer", expires_in = 600 });
    }

    private async Task<IResult> KeysAsync()
    {
        var keys = Results.Json(new { keys = new[] { Key.Public } });
        Interlocked.Increment(ref _keysAsked);
        if (KeysHeld is { } held) await held.Task;
        return keys;
    }

    private async Task FeedAsync(HttpContext http)
    {
        Interlocked.Increment(ref _asked);
        var token = http.Request.Headers.Authorization.ToString()["Bearer ".Length..];
        if (Hangs) await Task.Delay(Timeout.Infinite, http.RequestAborted);
        if (Refuse(token) is { } status)
        {
            http.Response.StatusCode = status;
            return;
        }
        http.Response.ContentType = ContentType;
        http.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        await http.Response.StartAsync(http.RequestAborted);
        var follower = new Follower(http, token, http.Request.Query["after"].ToString());
        Followers.Writer.TryWrite(follower);
        await follower.Over.WaitAsync(http.RequestAborted);
    }

    /// <summary>One connection, fed by the test.</summary>
    internal sealed class Follower(HttpContext http, string token, string after)
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Token => token;

        /// <summary>What it asked for.</summary>
        public string After => after;

        public Task Over => _over.Task;

        /// <summary>Done when it has gone.</summary>
        public Task GoneAsync()
        {
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            http.RequestAborted.Register(gone.SetResult);
            return gone.Task.WaitAsync(TimeSpan.FromSeconds(20));
        }

        // One call that writes and flushes: whoever follows may be gone when it returns.
        public async Task SendAsync(params string[] events) =>
            await http.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(events)));

        /// <summary>Ends the answer as it should be.</summary>
        public void End() => _over.TrySetResult();

        /// <summary>Breaks the connection.</summary>
        public void Abort() => http.Abort();
    }
}

/// <summary>Events of the feed as auth writes them.</summary>
internal static class Feed
{
    /// <summary>2026-01-01T00:00:00Z: a not-before of tests.</summary>
    public const long Moment = 1767225600;

    public static string Head(long sequence) => $$"""
        event: head
        data: {"sequence":{{sequence}},"time":"2026-01-31T12:00:00.000Z"}


        """;

    public static string Heartbeat(long sequence) => $$"""
        event: heartbeat
        data: {"sequence":{{sequence}},"time":"2026-01-31T12:00:03.000Z"}


        """;

    public static string Reset(long sequence) => $$"""
        event: reset
        data: {"sequence":{{sequence}}}


        """;

    public static string End(string reason) => $$"""
        event: end
        data: {"reason":"{{reason}}"}


        """;

    public static string Revocation(
        long sequence, string kind, string subject, string? clientId = null, long? notBefore = null, DateTimeOffset? expiresAt = null, string zone = "uaa") => $$"""
        id: {{sequence}}
        event: revocation
        data: {"sequence":{{sequence}},"kind":"{{kind}}","subject":"{{subject}}","clientId":{{(clientId is null ? "null" : $"\"{clientId}\"")}},"notBefore":{{notBefore?.ToString(CultureInfo.InvariantCulture) ?? "null"}},"expiresAt":{{(expiresAt ?? DateTimeOffset.UtcNow.AddHours(1)).ToUnixTimeSeconds()}},"zone":"{{zone}}"}


        """;
}
