using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using SecureMesh.Config.Environments;
using SecureMesh.Config.Sources;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>What waiting costs: nothing stays behind at the source when a wait is over, and only so many wait at once.</summary>
public sealed class WaitingTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(30);

    [Fact]
    public void Readers_of_one_source_wait_for_its_own_signal()
    {
        var source = new Source();
        var finder = Finder(source);

        Assert.Same(source.Changed, finder.Changed);
    }

    [Fact]
    public async Task Readers_of_several_sources_share_one_registration_until_something_changes()
    {
        var (one, other) = (new Source(), new Source());
        var finder = Finder(one, other);

        var first = finder.Changed;
        for (var i = 0; i < 1000; i++) Assert.Same(first, finder.Changed);
        Assert.Equal((1, 1), (Registered(one.Changed), Registered(other.Changed)));

        foreach (var source in new[] { one, other, one })
        {
            var changed = finder.Changed;
            Assert.False(changed.IsCompleted);
            source.Signal.Raise();
            await changed.WaitAsync(Enough, TestContext.Current.CancellationToken);
        }
        Assert.False(finder.Changed.IsCompleted);
        // A finished round takes itself off the source that did not change, just after it has woken its readers.
        await ChangeTests.Until(() => Task.FromResult((Registered(one.Changed), Registered(other.Changed)) == (1, 1)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_wait_that_is_over_leaves_nothing_at_the_source(int sources)
    {
        var all = Enumerable.Range(0, sources).Select(_ => new Source()).ToArray();
        var finder = Finder(all);
        using var lifetime = new Lifetime();
        var clock = new TestClock();
        var endpoint = new EnvironmentEndpoint(finder, Options.Create(new ConfigOptions()), clock, lifetime);
        var tag = await TagAsync(endpoint);
        var before = Registered(finder.Changed);

        for (var i = 0; i < 50; i++)
        {
            foreach (var preference in new[] { "wait=0", "wait=20", "wait=20 aborted" })
            {
                using var aborted = new CancellationTokenSource();
                var http = Request(tag, preference.Split(' ')[0], aborted.Token);
                var waiting = endpoint.HandleAsync(http, "foo", "default", null);
                if (!waiting.IsCompleted) Assert.Equal(before + 1, Registered(finder.Changed));
                if (preference.EndsWith("aborted", StringComparison.Ordinal)) await aborted.CancelAsync();
                else clock.Advance(TimeSpan.FromSeconds(20));
                await waiting.WaitAsync(Enough, TestContext.Current.CancellationToken);
            }
        }

        Assert.Equal(before, Registered(finder.Changed));
        foreach (var source in all) Assert.InRange(Registered(source.Changed), 0, 1);
    }

    [Fact]
    public async Task One_more_than_may_wait_is_answered_at_once_without_the_promise()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n").With("config:maxWaiting", "1");
        var first = await server.GetAsync("/foo/default");
        (string, string)[] patient = [("If-None-Match", first.ETag), ("Prefer", "wait=60")];
        var requests = Enumerable.Range(0, 3).Select(_ => server.GetAsync("/foo/default", patient)).ToArray();

        await ChangeTests.Until(() => Task.FromResult(requests.Count(request => request.IsCompleted) == 2));
        foreach (var refused in requests.Where(request => request.IsCompleted).Select(request => request.Result))
            Assert.Equal((304, first.ETag, false), (refused.Status, refused.ETag, refused.Headers.ContainsKey("Preference-Applied")));

        server.File("foo.yml", "a: 2\n");
        var answers = await Task.WhenAll(requests).WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Single(answers, answer => answer.Status == 200 && answer.Headers.GetValueOrDefault("Preference-Applied") == "wait=60");

        // The place is free again.
        var next = await server.GetAsync("/foo/default", ("If-None-Match", "\"other\""), ("Prefer", "wait=60"));
        Assert.Equal("wait=60", next.Headers["Preference-Applied"]);
    }

    [Fact]
    public void A_negative_number_of_waiting_requests_stops_the_start()
    {
        var result = new ConfigOptionsValidator().Validate(null, new ConfigOptions { Repository = "x", MaxWaiting = -1 });

        Assert.Equal("config:maxWaiting must not be negative, not -1.", Assert.Single(result.Failures!));
    }

    private static EnvironmentFinder Finder(params Source[] sources) => new(sources, Options.Create(new ConfigOptions()));

    private static async Task<string> TagAsync(EnvironmentEndpoint endpoint) =>
        Assert.IsType<ConfigContent>(await endpoint.HandleAsync(Request(null, null, CancellationToken.None), "foo", "default", null)).ETag;

    private static DefaultHttpContext Request(string? tag, string? preference, CancellationToken aborted)
    {
        var http = new DefaultHttpContext { RequestAborted = aborted };
        http.Request.Headers.IfNoneMatch = tag;
        http.Request.Headers["Prefer"] = preference;
        return http;
    }

    // What waits for a task hangs in one field of it: nothing, one thing, or a list in which those that left are null.
    private static int Registered(Task task) => Continuation(task) switch
    {
        null => 0,
        System.Collections.IList list => list.Cast<object?>().Count(entry => entry is not null),
        _ => 1,
    };

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "m_continuationObject")]
    private static extern ref object? Continuation(Task task);

    private sealed class Source : IConfigSource
    {
        public ChangeSignal Signal { get; } = new();
        public Task Changed => Signal.Changed;

        public Task<Result<SourceAnswer>> FindAsync(EnvironmentRequest request, CancellationToken cancellationToken) =>
            Task.FromResult<Result<SourceAnswer>>(new SourceAnswer([], null, null));

        public Task<Result<FoundFile>> FindFileAsync(EnvironmentRequest request, string path, CancellationToken cancellationToken) =>
            Task.FromResult<Result<FoundFile>>(ConfigError.NoSuchFile);
    }

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;
        public CancellationToken ApplicationStopping => _stopping.Token;
        public CancellationToken ApplicationStopped => CancellationToken.None;
        public void StopApplication() => _stopping.Cancel();
        public void Dispose() => _stopping.Dispose();
    }
}
