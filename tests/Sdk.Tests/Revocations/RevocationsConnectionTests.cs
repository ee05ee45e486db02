using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Revocations;

/// <summary>How the connection to the feed is kept, and what happens when it cannot be.</summary>
public sealed class RevocationsConnectionTests : IAsyncLifetime
{
    private static readonly TokenMarks Token = new("uaa", "t", null, null, null, "c", null, Feed.Moment);
    private readonly TestClock _clock = new();
    private StubFeed _feed = null!;

    public async ValueTask InitializeAsync() => _feed = await StubFeed.StartAsync();

    public async ValueTask DisposeAsync() => await _feed.DisposeAsync();

    private Task<Service> FollowAsync(Action<WebApplicationBuilder>? configure = null, params (string, string)[] more) =>
        Service.StartAsync(_ => { }, [.. _feed.Settings, .. more.Select(setting => KeyValuePair.Create(setting.Item1, setting.Item2))], configure, _clock);

    private static TokenRevocations Revocations(Service service) => (TokenRevocations)service.Services.GetRequiredService<ITokenRevocations>();

    private static async Task<StubFeed.Follower> CurrentAsync(Service service, StubFeed.Follower follower, long head = 0)
    {
        await follower.SendAsync(Feed.Head(head));
        await Until.TrueAsync(() => Task.FromResult(Revocations(service).Silence < TimeSpan.FromSeconds(1)));
        return follower;
    }

    [Fact]
    public async Task T_13_after_nine_seconds_without_a_word_the_connection_counts_as_dead_and_another_is_made()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await CurrentAsync(service, await _feed.FollowerAsync());
        var gone = follower.GoneAsync();

        for (var i = 0; i < 3; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(8));
            await follower.SendAsync(Feed.Heartbeat(0));
            await Until.TrueAsync(() => Task.FromResult(revocations.Silence < TimeSpan.FromSeconds(1)));
        }
        // A server or proxy that is there, but without the feed: nothing of it is a word.
        _clock.Advance(TimeSpan.FromSeconds(8));
        Assert.True(revocations.IsCurrent);
        Assert.Equal(TimeSpan.FromSeconds(8), revocations.Silence);
        await follower.SendAsync(": still here\n\n", "event: other\ndata: {}\n\n", "event: heartbeat\ndata: {}\n\n");
        await service.LoggedAsync("cannot be read and is left out (heartbeat)");
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.False(revocations.IsCurrent);
        await gone;
        await CurrentAsync(service, await _feed.FollowerAsync(_clock));
        Assert.True(revocations.IsCurrent);
    }

    [Fact]
    public async Task Silence_is_counted_until_nothing_is_missing_again_and_not_only_until_something_is_heard()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var first = await CurrentAsync(service, await _feed.FollowerAsync());
        await first.SendAsync(Feed.Revocation(1, "token", "one"));
        await Until.TrueAsync(() => Task.FromResult(revocations.Place == 1));
        _clock.Advance(TimeSpan.FromSeconds(4));
        first.Abort();

        var second = await _feed.FollowerAsync(_clock);
        await second.SendAsync(Feed.Head(3), Feed.Revocation(2, "token", "t"));
        await Until.TrueAsync(() => Task.FromResult(revocations.IsRevoked(Token)));
        Assert.True(revocations.Silence >= TimeSpan.FromSeconds(4));
        await second.SendAsync(Feed.Revocation(3, "token", "three"));

        await Until.TrueAsync(() => Task.FromResult(revocations.Silence < TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task A_refused_token_is_discarded_and_the_feed_asked_at_once_with_another()
    {
        _feed.Refuse = token => token == "token-1" ? 401 : null;
        await using var service = await FollowAsync();

        var follower = await _feed.FollowerAsync(); // no time passes

        Assert.Equal("token-2", follower.Token);
        await CurrentAsync(service, follower);
    }

    [Fact]
    public async Task A_stream_that_ends_with_its_token_goes_on_at_once_with_another_and_nobody_notices()
    {
        await using var service = await FollowAsync();
        var first = await CurrentAsync(service, await _feed.FollowerAsync());
        await first.SendAsync(Feed.Revocation(1, "token", "t"), Feed.End("token"));
        first.End();

        var second = await _feed.FollowerAsync(); // no time passes

        Assert.Equal(("token-2", "1"), (second.Token, second.After));
        Assert.True(Revocations(service).IsCurrent && Revocations(service).IsRevoked(Token));
        Assert.DoesNotContain(service.Logs, line => line.Contains("No revocations", StringComparison.Ordinal));
    }

    [Fact]
    public async Task When_the_token_service_is_restarted_the_follower_is_back_with_what_it_missed_and_says_so_once()
    {
        await using var service = await FollowAsync();
        await CurrentAsync(service, await _feed.FollowerAsync(), head: 0);
        await _feed.StopAsync();
        await service.LoggedAsync("The revocations come from");
        await StubFeed.PassAsync(_clock, () => service.Logs.Any(line => line.Contains("No revocations from the token service", StringComparison.Ordinal)));
        for (var i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Yield();
        }
        await _feed.RestartAsync();

        var follower = await _feed.FollowerAsync(_clock);
        await follower.SendAsync(Feed.Head(1), Feed.Revocation(1, "token", "t"));
        await Until.TrueAsync(() => Task.FromResult(Revocations(service).IsRevoked(Token)));

        Assert.Single(service.Logs, line => line.Contains("No revocations from the token service", StringComparison.Ordinal));
        await Until.TrueAsync(() => Task.FromResult(service.Logs.Count(line => line.Contains("The revocations come from", StringComparison.Ordinal)) == 2));
    }

    [Fact]
    public async Task The_addresses_are_tried_in_order_and_one_that_does_not_answer_holds_up_nobody_for_long()
    {
        await using var hung = await StubFeed.StartAsync();
        await using var failing = await StubFeed.StartAsync();
        await using var gone = await StubFeed.StartAsync();
        hung.Hangs = true;
        failing.Refuse = _ => 503;
        await gone.StopAsync();
        await using var service = await FollowAsync(null, ("mesh:auth:url", $"{gone.Url},{failing.Url},{hung.Url},{_feed.Url}"));

        await Until.TrueAsync(() => Task.FromResult(hung.Asked == 1));
        Assert.Equal((1, 0), (failing.Asked, _feed.Asked));
        var follower = await _feed.FollowerAsync(_clock); // the time in which a whole request must be answered
        await CurrentAsync(service, follower);
        follower.Abort();

        // Who was good last is asked first.
        await CurrentAsync(service, await _feed.FollowerAsync(_clock));
        Assert.Equal(1, failing.Asked);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(200)]
    [InlineData(404)]
    public async Task A_server_that_fails_or_ends_every_stream_is_asked_less_and_less_often(int status)
    {
        _feed.Refuse = _ => status == 200 ? null : status;
        await using var service = await FollowAsync();
        var start = _clock.GetUtcNow();

        for (var asked = 1; asked <= 9; asked++)
        {
            if (status == 200)
            {
                var follower = await _feed.FollowerAsync(_clock);
                await follower.SendAsync(Feed.Head(0), Feed.End("unavailable"));
                follower.End();
            }
            await StubFeed.PassAsync(_clock, () => _feed.Asked > asked);
        }

        // 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2 seconds, each up to 30 % less.
        Assert.True(_clock.GetUtcNow() - start > TimeSpan.FromSeconds(7.7));
    }

    [Fact]
    public async Task A_wrong_secret_is_not_shown_so_often_that_it_uses_up_what_the_token_service_allows()
    {
        _feed.TokenAnswer = (401, """{"error":"invalid_client"}""");
        await using var service = await FollowAsync();
        await service.LoggedAsync("No revocations from the token service");

        var end = _clock.GetUtcNow() + TimeSpan.FromMinutes(10);
        await StubFeed.PassAsync(_clock, () =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(450));
            return _clock.GetUtcNow() > end;
        });

        Assert.InRange(_feed.TokensAsked, 2, 40); // auth refuses the address after 60
        Assert.Single(service.Logs, line => line.Contains("No revocations from the token service", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_that_may_not_follow_is_told_which_scope_is_missing()
    {
        _feed.Refuse = _ => 403;
        await using var service = await FollowAsync();

        await service.LoggedAsync("status 403: this client must be allowed the scope revocations.read");
    }

    [Fact]
    public async Task An_answer_that_is_no_stream_of_events_is_not_read()
    {
        _feed.ContentType = "text/html";
        await using var service = await FollowAsync();

        await (await _feed.FollowerAsync()).SendAsync(Feed.Head(0));

        await service.LoggedAsync("its answer is no stream of events");
    }

    [Fact]
    public async Task Following_goes_on_after_an_error_of_the_service_itself()
    {
        await using var service = await FollowAsync(builder => builder.Services.AddSingleton<IServiceTokens, BrokenOnce>());
        await service.LoggedAsync("The revocations could not be followed");

        await CurrentAsync(service, await _feed.FollowerAsync(_clock));
    }

    [Fact]
    public async Task What_concerns_no_living_token_any_more_is_forgotten_and_not_before_clocks_agree()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await CurrentAsync(service, await _feed.FollowerAsync());
        var soon = _clock.GetUtcNow().AddMinutes(1);
        await follower.SendAsync(
            Feed.Revocation(1, "token", "t", expiresAt: soon), Feed.Revocation(2, "client", "other", notBefore: Feed.Moment, expiresAt: soon),
            Feed.Revocation(3, "token", "late", expiresAt: _clock.GetUtcNow().AddHours(1)), Feed.Revocation(4, "token", "past", expiresAt: _clock.GetUtcNow().AddMinutes(-6)));
        await Until.TrueAsync(() => Task.FromResult(revocations.Place == 4));
        Assert.Equal(3, revocations.Count);

        _clock.Advance(TimeSpan.FromMinutes(5));
        await _feed.FollowerAsync(_clock);
        Assert.True(revocations.IsRevoked(Token)); // expired itself, but not by every clock
        _clock.Advance(TimeSpan.FromMinutes(2));
        await _feed.FollowerAsync(_clock);

        await StubFeed.PassAsync(_clock, () => revocations.Count == 1);
        Assert.False(revocations.IsRevoked(Token));
        Assert.True(revocations.IsRevoked(Token with { TokenId = "late" }));
    }

    [Fact]
    public async Task Who_stops_while_following_stops_at_once()
    {
        await using var service = await FollowAsync();
        var follower = await CurrentAsync(service, await _feed.FollowerAsync());
        var gone = follower.GoneAsync();

        await service.StopAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        await gone;
        Assert.DoesNotContain(service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) || line.Contains("No revocations", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_with_revocations_of_its_own_follows_nobody()
    {
        await using var service = await FollowAsync(builder => builder.Services.AddSingleton<ITokenRevocations, Own>());

        Assert.Contains("\"revocations\":{\"status\":\"UP\",\"details\":{\"silenceSeconds\":0}}", (await service.GetAsync("/actuator/health")).Body, StringComparison.Ordinal);
        Assert.Equal(0, _feed.TokensAsked + _feed.Asked);
    }

    [Fact]
    public async Task The_health_says_how_long_nothing_was_heard_and_the_service_stays_up()
    {
        await using var service = await FollowAsync();
        var before = await service.GetAsync("/actuator/health");
        Assert.Equal(200, before.Status);
        Assert.Contains("\"revocations\":{\"status\":\"UNKNOWN\",", before.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("silenceSeconds", before.Body, StringComparison.Ordinal);

        var follower = await CurrentAsync(service, await _feed.FollowerAsync());
        await follower.SendAsync(Feed.Revocation(1, "token", "t"));
        await Until.TrueAsync(() => Task.FromResult(Revocations(service).Place == 1));
        Assert.Contains(
            "\"revocations\":{\"status\":\"UP\",\"details\":{\"following\":true,\"sequence\":1,\"count\":1,\"silenceSeconds\":0}}",
            (await service.GetAsync("/actuator/health")).Body, StringComparison.Ordinal);

        _clock.Advance(TimeSpan.FromSeconds(12));
        var after = await service.GetAsync("/actuator/health");
        Assert.Equal((200, "UP"), (after.Status, after.Json.GetProperty("status").GetString()));
        Assert.Contains("\"sequence\":1,\"count\":1,\"silenceSeconds\":12}", after.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mesh:revocations:whenCut", "normal", "mesh:revocations:whenCut must be open or critical, not 'normal'.")]
    [InlineData("mesh:revocations:criticalAfter", "3s", "mesh:revocations:criticalAfter must be 5 seconds to 10 minutes, not 00:00:03.")]
    [InlineData("mesh:revocations:criticalAfter", "1h", "mesh:revocations:criticalAfter must be 5 seconds to 10 minutes, not 01:00:00.")]
    public async Task Settings_that_mean_nothing_stop_the_start(string setting, string value, string message)
    {
        var fault = await Assert.ThrowsAsync<OptionsValidationException>(() => FollowAsync(null, (setting, value)));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    private sealed class BrokenOnce : IServiceTokens
    {
        private int _calls;

        public Task<string> GetTokenAsync(string service, string? scope = null, CancellationToken cancellationToken = default) =>
            Interlocked.Increment(ref _calls) == 1 ? throw new InvalidOperationException("broken on purpose") : Task.FromResult("token");

        public void Discard(string token) { }
    }

    private sealed class Own : ITokenRevocations
    {
        public long Version => 0;

        public bool IsCurrent => true;

        public TimeSpan Silence => TimeSpan.Zero;

        public bool IsRevoked(in TokenMarks token) => false;

        public IDisposable OnChange(Action changed) => throw new NotSupportedException();
    }
}
