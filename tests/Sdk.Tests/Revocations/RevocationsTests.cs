using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
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
        if (kind != "key") Assert.False(revocations.IsRevoked(Marks(zone: "other")));
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
    public async Task A_refused_token_is_discarded_and_the_feed_asked_at_once_with_another()
    {
        _feed.Refuse = token => token == "token-1" ? 401 : null;
        await using var service = await FollowAsync(new TestClock()); // no pause passes

        var follower = await _feed.FollowerAsync();

        Assert.Equal("token-2", follower.Token);
        await follower.SendAsync(Feed.Head(0));
        await CurrentAsync(Revocations(service));
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
    public async Task A_revoked_token_is_refused_and_only_the_log_says_why()
    {
        await using var service = await FollowAsync();
        var follower = await _feed.FollowerAsync();
        var token = TestIssuer.Sign(_feed.Key, Claims("j1"));
        await follower.SendAsync(Feed.Head(0));
        await CurrentAsync(Revocations(service));
        Assert.Equal(200, (await service.GetAsync("/ui", token)).Status);

        await follower.SendAsync(Feed.Revocation(1, "token", "j1"));
        await RevokedAsync(Revocations(service), Marks(jti: "j1"));
        var answer = await service.GetAsync("/ui", token);

        Assert.Equal(401, answer.Status);
        Assert.Contains("\"error\":\"invalid_token\"", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("revoked", answer.Body, StringComparison.Ordinal);
        await service.LoggedAsync("Refused with 401 invalid_token: revoked");
        Assert.Equal(200, (await service.GetAsync("/ui", TestIssuer.Sign(_feed.Key, Claims("j2")))).Status);
    }

    private static Dictionary<string, object> Claims(string jti)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return new()
        {
            ["jti"] = jti,
            ["sub"] = "app",
            ["client_id"] = "app",
            ["scope"] = new[] { "ui" },
            ["iss"] = "http://localhost:8080/uaa/oauth/token",
            ["aud"] = new[] { "mesh://sample" },
            ["zid"] = "uaa",
            ["iat"] = now,
            ["exp"] = now + 600,
        };
    }
}
