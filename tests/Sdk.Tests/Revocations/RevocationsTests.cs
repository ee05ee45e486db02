using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace SecureMesh.Sdk.Tests.Revocations;

/// <summary>What a follower makes of the feed.</summary>
public sealed class RevocationsTests : IAsyncLifetime
{
    private StubFeed _feed = null!;

    private static TokenMarks Marks(
        string jti = "t", string? grant = "g", string? session = "s", string? user = "u", string client = "c", string? key = "k", long issuedAt = Feed.Moment, string zone = "uaa") =>
        new(zone, jti, grant, session, user, client, key, issuedAt);

    public async ValueTask InitializeAsync() => _feed = await StubFeed.StartAsync();

    public async ValueTask DisposeAsync() => await _feed.DisposeAsync();

    private Task<Service> FollowAsync(TimeProvider? clock = null, params (string, string)[] more) =>
        Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"),
            [.. _feed.Settings, .. more.Select(setting => KeyValuePair.Create(setting.Item1, setting.Item2))], clock: clock);

    private static ITokenRevocations Revocations(Service service) => service.Services.GetRequiredService<ITokenRevocations>();

    private static Task CurrentAsync(ITokenRevocations revocations) => Until.TrueAsync(() => Task.FromResult(revocations.IsCurrent));

    private static Task RevokedAsync(ITokenRevocations revocations, TokenMarks marks) => Until.TrueAsync(() => Task.FromResult(revocations.IsRevoked(marks)));

    [Fact]
    public async Task T_13_a_first_start_takes_everything_before_it_counts_as_current()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        Assert.False(revocations.IsCurrent);
        Assert.Equal(TimeSpan.MaxValue, revocations.Silence);

        var follower = await _feed.FollowerAsync();
        await follower.SendAsync(Feed.Head(2), Feed.Revocation(1, "token", "one"));
        await RevokedAsync(revocations, Marks(jti: "one"));
        Assert.False(revocations.IsCurrent); // in force, but 2 is missing
        await follower.SendAsync(Feed.Revocation(2, "token", "two"));

        await CurrentAsync(revocations);
        Assert.True(revocations.IsRevoked(Marks(jti: "two")));
        Assert.False(revocations.IsRevoked(Marks(jti: "three")));
        Assert.Equal("0", follower.After);
        Assert.True(revocations.Silence < TimeSpan.FromSeconds(9));
    }

    [Theory]
    [InlineData("token", "t")]
    [InlineData("grant", "g")]
    [InlineData("session", "s")]
    [InlineData("key", "k")]
    [InlineData("user", "u")]
    [InlineData("user", "u", "c")]
    [InlineData("client", "c")]
    [InlineData("zone", "uaa")]
    public async Task T_13_a_revocation_of_each_kind_ends_what_it_names_and_nothing_else(string kind, string subject, string? client = null)
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await _feed.FollowerAsync();
        long? notBefore = kind is "user" or "client" or "zone" ? Feed.Moment + 1 : null;

        await follower.SendAsync(Feed.Head(0), Feed.Revocation(1, kind, subject, client, notBefore));
        await RevokedAsync(revocations, Marks());

        Assert.False(revocations.IsRevoked(new("other", "other", "other", "other", "other", "other", "other", Feed.Moment)));
        Assert.False(revocations.IsRevoked(new("other", null, null, null, null, "", null, 0)));
        // A key is named by its thumbprint, which is the same in every zone.
        Assert.Equal(kind == "key", revocations.IsRevoked(Marks(zone: "other")));
        if (client is not null) Assert.False(revocations.IsRevoked(Marks(client: "other")));
        Assert.Equal(notBefore is null, revocations.IsRevoked(Marks(issuedAt: Feed.Moment + 1)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task V_054_all_levels_are_looked_at_and_the_latest_not_before_wins_in_either_order(bool latestFirst)
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await _feed.FollowerAsync();
        (string Kind, string Subject, long At)[] levels =
        [
            ("zone", "uaa", 300), ("client", "c", 100), ("user", "u", 200), // the narrower, earlier ones must not hide the zone's
            ("client", "c", 50), ("zone", "uaa", 20), // nor must an earlier one of the same level take a later one back
        ];
        if (!latestFirst) Array.Reverse(levels);

        await follower.SendAsync([Feed.Head(5), .. levels.Select((level, i) => Feed.Revocation(i + 1, level.Kind, level.Subject, notBefore: level.At))]);
        await CurrentAsync(revocations);

        Assert.True(revocations.IsRevoked(Marks(issuedAt: 299)));
        Assert.False(revocations.IsRevoked(Marks(issuedAt: 300)));
        Assert.True(revocations.IsRevoked(new("uaa", "t", null, null, null, "c", null, 299))); // V-054: tokens of clients too
        Assert.True(revocations.IsRevoked(new("uaa", null, null, null, null, "other", null, 299)));
    }

    [Fact]
    public async Task T_13_who_comes_back_asks_for_what_it_missed_and_takes_it()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var first = await _feed.FollowerAsync();
        await first.SendAsync(Feed.Head(7), Feed.Revocation(7, "token", "seven"));
        await CurrentAsync(revocations);
        first.Abort();

        var second = await _feed.FollowerAsync();
        await second.SendAsync(Feed.Head(8), Feed.Revocation(8, "token", "eight"));
        await RevokedAsync(revocations, Marks(jti: "eight"));

        Assert.Equal("7", second.After);
        Assert.True(revocations.IsRevoked(Marks(jti: "seven")));
        Assert.True(revocations.IsCurrent);
    }

    [Fact]
    public async Task A_heartbeat_tells_that_the_last_numbers_of_a_replay_are_gone()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await _feed.FollowerAsync();

        await follower.SendAsync(Feed.Head(9), Feed.Revocation(6, "token", "six"), Feed.Heartbeat(8));
        await RevokedAsync(revocations, Marks(jti: "six"));
        Assert.False(revocations.IsCurrent);
        await follower.SendAsync(Feed.Heartbeat(9));

        await CurrentAsync(revocations);
        follower.Abort();
        // What a heartbeat says need not have come: only what came is not asked for again.
        Assert.Equal("6", (await _feed.FollowerAsync()).After);
    }

    [Fact]
    public async Task A_reset_brings_everything_again_and_what_was_known_stays_in_force_until_it_has_come()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var first = await _feed.FollowerAsync();
        await first.SendAsync(Feed.Head(3), Feed.Revocation(3, "token", "old"));
        await CurrentAsync(revocations);
        var version = revocations.Version;
        first.Abort();

        var second = await _feed.FollowerAsync();
        Assert.Equal("3", second.After);
        await second.SendAsync(Feed.Head(9), Feed.Reset(9));
        // What came before number 3 may have changed as well: everything is asked for, not only what follows it.
        var third = await _feed.FollowerAsync();
        Assert.Equal("0", third.After);
        Assert.True(revocations.Version > version);
        await third.SendAsync(Feed.Head(9), Feed.Reset(9), Feed.Revocation(8, "token", "new"));
        await RevokedAsync(revocations, Marks(jti: "new"));
        Assert.True(revocations.IsRevoked(Marks(jti: "old")));
        await third.SendAsync(Feed.Revocation(9, "token", "newer"));

        await RevokedAsync(revocations, Marks(jti: "newer"));
        Assert.False(revocations.IsRevoked(Marks(jti: "old")));
        Assert.True(revocations.IsRevoked(Marks(jti: "new")));
    }

    [Fact]
    public async Task A_feed_that_never_gave_out_the_number_asked_for_is_taken_from_its_beginning()
    {
        await using var service = await FollowAsync();
        var first = await _feed.FollowerAsync();
        await first.SendAsync(Feed.Head(7), Feed.Revocation(7, "token", "seven"));
        await CurrentAsync(Revocations(service));
        first.Abort();

        var second = await _feed.FollowerAsync();
        await second.SendAsync(Feed.Head(2));

        Assert.Equal("7", second.After);
        Assert.Equal("0", (await _feed.FollowerAsync()).After);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[1]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"sequence":1,"kind":"token","subject":"t","expiresAt":9999999999}""")]
    [InlineData("""{"sequence":0,"kind":"token","subject":"t","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":-1,"kind":"token","subject":"t","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1.5,"kind":"token","subject":"t","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":"1","kind":"token","subject":"t","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"planet","subject":"t","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"token","subject":"","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"token","subject":7,"clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"token","subject":"\ud800","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"token","subject":"t","subject":"other","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"token","subject":"t","clientId":null,"notBefore":null,"expiresAt":9223372036854775807,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"user","subject":"u","clientId":null,"notBefore":null,"expiresAt":9999999999,"zone":"uaa"}""")]
    [InlineData("""{"sequence":1,"kind":"user","subject":"u","clientId":7,"notBefore":9999999999,"expiresAt":9999999999,"zone":"uaa"}""")]
    public async Task What_cannot_be_read_is_left_out_and_the_stream_goes_on(string data)
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await _feed.FollowerAsync();

        await follower.SendAsync(Feed.Head(2), $"event: revocation\ndata: {data}\n\n", $"event: revocation\ndata: {data}\n\n", Feed.Revocation(2, "token", "good"));
        await CurrentAsync(revocations);

        Assert.True(revocations.IsRevoked(Marks(jti: "good")));
        Assert.False(revocations.IsRevoked(Marks()));
        Assert.Single(service.Logs, line => line.Contains("An event of the revocations cannot be read", StringComparison.Ordinal));
        Assert.Equal(1, _feed.Asked);
    }

    [Theory]
    [InlineData("event: head\ndata: nonsense\n\n")]
    [InlineData("event: head\ndata: {}\n\n")]
    [InlineData("event: heartbeat\ndata: {\"sequence\":0}\n\n")]
    [InlineData("event: revocation\ndata: {\"sequence\":1,\"kind\":\"token\",\"subject\":\"t\",\"clientId\":null,\"notBefore\":null,\"expiresAt\":9999999999,\"zone\":\"uaa\"}\n\n")]
    [InlineData("data: {\"sequence\":0}\n\n")]
    public async Task What_does_not_begin_like_the_feed_is_none_and_is_asked_again(string begin)
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        await (await _feed.FollowerAsync()).SendAsync(begin);

        var second = await _feed.FollowerAsync();
        Assert.False(revocations.IsCurrent || revocations.IsRevoked(Marks()));
        await second.SendAsync(Feed.Head(0));

        await CurrentAsync(revocations);
    }

    [Fact]
    public async Task Events_come_in_pieces_with_either_line_end_and_with_comments_between()
    {
        await using var service = await FollowAsync();
        var follower = await _feed.FollowerAsync();
        var text = ": hello\n\n" + Feed.Head(2).Replace("\n", "\r\n", StringComparison.Ordinal) + "event: other\ndata: {}\n\n" + ":\n"
            + Feed.Revocation(1, "token", "one").Replace("data: ", "data:", StringComparison.Ordinal)
            + Feed.Revocation(2, "token", "two").Replace(",\"zone\"", "\ndata: ,\"zone\"", StringComparison.Ordinal);

        foreach (var piece in text.Chunk(7)) await follower.SendAsync(new string(piece));
        await CurrentAsync(Revocations(service));

        Assert.True(Revocations(service).IsRevoked(Marks(jti: "one")) && Revocations(service).IsRevoked(Marks(jti: "two")));
        Assert.DoesNotContain(service.Logs, line => line.Contains("cannot be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_event_without_an_end_fills_no_memory()
    {
        await using var service = await FollowAsync();
        var follower = await _feed.FollowerAsync();
        var gone = follower.GoneAsync();

        await follower.SendAsync(Feed.Head(0), "event: revocation\ndata: ", new string('x', 65 * 1024));

        await gone;
        await service.LoggedAsync("an event is longer than 64 KiB");
        await _feed.FollowerAsync();
    }

    [Fact]
    public async Task A_replay_of_many_is_taken_whole_and_told_in_few_calls()
    {
        const int many = 30_000;
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var calls = 0;
        using var watch = revocations.OnChange(() => Interlocked.Increment(ref calls));
        var follower = await _feed.FollowerAsync();

        await follower.SendAsync(Feed.Head(many));
        foreach (var some in Enumerable.Range(1, many).Chunk(1000)) await follower.SendAsync([.. some.Select(i => Feed.Revocation(i, "token", $"t{i}"))]);
        await CurrentAsync(revocations);

        Assert.All(Enumerable.Range(1, many), i => Assert.True(revocations.IsRevoked(Marks(jti: $"t{i}"))));
        Assert.InRange(calls, 1, many / 10);
    }

    [Fact]
    public async Task Whoever_watches_is_told_when_revocations_are_in_force_and_the_version_has_grown()
    {
        await using var service = await FollowAsync();
        var revocations = Revocations(service);
        var follower = await _feed.FollowerAsync();
        await follower.SendAsync(Feed.Head(0));
        await CurrentAsync(revocations);
        var before = revocations.Version;
        var told = new TaskCompletionSource<(bool Revoked, long Version)>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var broken = revocations.OnChange(() => throw new InvalidOperationException("broken on purpose"));
        var early = 0;
        revocations.OnChange(() => early++).Dispose();
        using var watch = revocations.OnChange(() => told.TrySetResult((revocations.IsRevoked(Marks()), revocations.Version)));

        await follower.SendAsync(Feed.Revocation(1, "session", "s"));
        var (revoked, version) = await told.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.True(revoked);
        Assert.True(version > before);
        Assert.Equal(0, early);
        await service.LoggedAsync("could not be told of new revocations");
        await follower.SendAsync(Feed.Revocation(2, "token", "later"));
        await RevokedAsync(revocations, Marks(jti: "later", session: null));
    }

    [Fact]
    public async Task A_service_without_a_client_secret_says_once_that_it_follows_nothing()
    {
        await using var service = await FollowAsync(null, ("mesh:clientSecret", ""));
        await service.LoggedAsync("does not follow revocations");
        var revocations = Revocations(service);

        Assert.Equal(0, _feed.Asked + _feed.Tokens);
        Assert.False(revocations.IsCurrent);
        Assert.False(revocations.IsRevoked(Marks()));
        Assert.Single(service.Logs, line => line.Contains("does not follow revocations", StringComparison.Ordinal));
        Assert.Contains("\"revocations\":{\"status\":\"UP\",\"details\":{\"following\":false", (await service.GetAsync("/actuator/health")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_is_set_forward_and_back_again_makes_no_revoked_token_live()
    {
        var clock = new SetClock();
        var state = new RevocationState(clock);
        state.Apply(new Revocation(1, RevocationKind.Token, "uaa", "t", null, long.MaxValue, clock.Wall.AddMinutes(10)));

        clock.Wall += TimeSpan.FromHours(1);
        state.Sweep();
        clock.Wall -= TimeSpan.FromHours(1);
        Assert.True(state.IsRevoked(Marks()));

        // Set back, the token lives for longer, and so does its end.
        clock.Wall -= TimeSpan.FromHours(1);
        clock.Up += TimeSpan.FromMinutes(20);
        state.Sweep();
        Assert.True(state.IsRevoked(Marks()));

        clock.Wall += TimeSpan.FromHours(2);
        state.Sweep();
        Assert.Equal(0, state.Count);
    }

    /// <summary>A clock that somebody sets, beside one that nobody does.</summary>
    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Wall { get; set; } = DateTimeOffset.UtcNow;

        public TimeSpan Up { get; set; } = TimeSpan.FromDays(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Wall;

        public override long GetTimestamp() => Up.Ticks;
    }
}
