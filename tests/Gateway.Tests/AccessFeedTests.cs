using System.Net;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>
/// T-13: how long a revoked credential is good, by the route's setting, while the feed of revocations is cut and while auth is
/// away. The bounds are those of docs/operations.md.
/// </summary>
public sealed class AccessFeedTests
{
    private static readonly (string, string)[][] _routes =
    [
        AccessShown.Route("open", ("revocation", "open")), AccessShown.Route("normal", ("revocation", "normal")),
        AccessShown.Route("critical", ("revocation", "critical"), ("criticalAfter", "20s")), AccessShown.Route("now", ("online", "true")),
        AccessShown.Route("hasty", ("revocation", "critical"), ("criticalAfter", "5s")),
    ];

    private readonly TestClock _clock = new();

    private async Task<Door> OpenAsync(Action<TestIssuer>? issuer = null)
    {
        var door = await AccessShown.OpenAsync(_clock, issuer, _routes);
        await door.AddAsync("account-service");
        return door;
    }

    /// <summary>A signed token that introspection stands by until it is told otherwise.</summary>
    private static string Signed(Door door, string name)
    {
        var token = door.Issuer.UserToken(name, "ui");
        door.Issuer.Auth.Opaque[token] = door.Issuer.Claims();
        return token;
    }

    private static async Task CutAsync(Door door)
    {
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");
        door.Issuer.Auth.IsFeedAway = true;
        door.Issuer.Auth.CutFeed();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 0, "the feed is cut");
    }

    private static Task<string> TryAsync(Door door, string route, string token) => door.GetAsync($"/{route}/x", token).OutcomeAsync();

    [Fact]
    public async Task While_the_feed_is_heard_nobody_asks_auth_about_a_signed_token()
    {
        await using var door = await OpenAsync();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 1, "the gateway follows");
        var token = Signed(door, "alice");

        await Eventually.AnswersAsync(async () => await TryAsync(door, "critical", token) == "200", "the replay is complete");
        var before = door.Issuer.Auth.Introspections;
        foreach (var route in new[] { "open", "normal", "critical" })
            for (var i = 0; i < 3; i++) Assert.Equal("200", await TryAsync(door, route, token));
        Assert.Equal(before, door.Issuer.Auth.Introspections);

        // And a revocation is in force for all of them.
        door.Issuer.Auth.Revoke("user", "id-of-alice", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        foreach (var route in new[] { "open", "normal", "critical", "now" }) await door.BecomesAsync("401 credential_invalid", $"/{route}/x", "Bearer " + token);
    }

    [Fact]
    public async Task T_13_an_open_route_goes_on_until_the_token_ends()
    {
        await using var door = await OpenAsync();
        var known = Signed(door, "alice");
        Assert.Equal("200", await TryAsync(door, "open", known));
        await CutAsync(door);
        door.Issuer.Auth.Revoke("user", "id-of-alice", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        door.Issuer.Auth.IsAway = true;

        _clock.Advance(TimeSpan.FromSeconds(590));
        Assert.Equal("200", await TryAsync(door, "open", known));
        Assert.Equal("200", await TryAsync(door, "open", door.Issuer.UserToken("bob", "ui"))); // a new one too
        _clock.Advance(TimeSpan.FromSeconds(120)); // 600 s and the skew of 30 s, of the true time, which went on
        Assert.Equal("401 credential_expired", await TryAsync(door, "open", known));
        Assert.Equal(0, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task T_13_a_normal_route_asks_auth_once_in_five_seconds_from_nine_seconds_on()
    {
        await using var door = await OpenAsync();
        var token = Signed(door, "alice");
        Assert.Equal("200", await TryAsync(door, "normal", token));
        await CutAsync(door);
        var before = door.Issuer.Auth.Introspections;

        _clock.Advance(TimeSpan.FromSeconds(8.9));
        Assert.Equal("200", await TryAsync(door, "normal", token));
        Assert.Equal(before, door.Issuer.Auth.Introspections);

        _clock.Advance(TimeSpan.FromSeconds(0.2));
        for (var i = 0; i < 3; i++) Assert.Equal("200", await TryAsync(door, "normal", token));
        Assert.Equal(before + 1, door.Issuer.Auth.Introspections);

        // Revoked right after the question: five seconds later it is out.
        door.Issuer.Auth.Opaque.Clear();
        _clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal("200", await TryAsync(door, "normal", token));
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal("401 credential_invalid", await TryAsync(door, "normal", token));
        Assert.Equal("200", await TryAsync(door, "open", token)); // that one was asked for
    }

    [Fact]
    public async Task A_normal_route_asks_once_for_a_hundred_requests_at_once()
    {
        await using var door = await OpenAsync();
        var token = Signed(door, "alice");
        Assert.Equal("200", await TryAsync(door, "normal", token));
        await CutAsync(door);
        _clock.Advance(TimeSpan.FromSeconds(10));
        var go = new TaskCompletionSource();
        door.Issuer.Auth.AnswerIntrospection = async _ =>
        {
            await go.Task;
            return null;
        };

        var calls = Enumerable.Range(0, 100).Select(_ => TryAsync(door, "normal", token)).ToArray();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Introspections == 1, "somebody asks");
        go.SetResult();

        Assert.All(await Task.WhenAll(calls), outcome => Assert.Equal("200", outcome));
        Assert.Equal(1, door.Issuer.Auth.Introspections);
    }

    [Fact]
    public async Task T_13_with_the_feed_cut_and_auth_away_a_normal_route_is_503_and_does_not_hang()
    {
        await using var door = await OpenAsync();
        var token = Signed(door, "alice");
        Assert.Equal("200", await TryAsync(door, "normal", token));
        await CutAsync(door);
        door.Issuer.Auth.IsAway = true;
        _clock.Advance(TimeSpan.FromSeconds(10));

        using var answer = await door.GetAsync("/normal/x", token);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("200", await TryAsync(door, "open", token));
    }

    [Fact]
    public async Task T_13_a_critical_route_refuses_everybody_after_its_time_and_serves_again_when_the_feed_is_back()
    {
        await using var door = await OpenAsync();
        var (known, unknown) = (Signed(door, "alice"), Signed(door, "bob"));
        await Eventually.AnswersAsync(async () => await TryAsync(door, "critical", known) == "200", "the replay is complete");
        await CutAsync(door);
        door.Issuer.Auth.Revoke("user", "id-of-alice", DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);

        _clock.Advance(TimeSpan.FromSeconds(19.9));
        Assert.Equal("200", await TryAsync(door, "critical", known)); // criticalAfter is the bound, not less
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        using (var answer = await door.GetAsync("/critical/x", known))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.NotNull(answer.Headers.RetryAfter);
        }
        Assert.Equal("503 unavailable", await TryAsync(door, "critical", unknown));

        door.Issuer.Auth.IsFeedAway = false;
        await Eventually.AnswersAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1)); // the pauses between two tries
            return await TryAsync(door, "critical", unknown) == "200";
        }, "the feed is back");
        Assert.Equal("401 credential_invalid", await TryAsync(door, "critical", known)); // and brought what had happened
    }

    [Fact]
    public async Task Before_the_first_replay_is_complete_a_critical_route_refuses_and_a_normal_one_asks()
    {
        await using var door = await OpenAsync(issuer => issuer.Auth.IsFeedAway = true);
        var token = Signed(door, "alice");

        Assert.Equal("503 unavailable", await TryAsync(door, "critical", token));
        Assert.Equal("200", await TryAsync(door, "normal", token));
        Assert.Equal(1, door.Issuer.Auth.Introspections);
        Assert.Equal("200", await TryAsync(door, "open", token));
    }

    [Fact]
    public async Task An_online_route_asks_at_every_request_and_takes_no_old_answer()
    {
        await using var door = await OpenAsync();
        var token = Signed(door, "alice");

        for (var i = 1; i <= 3; i++)
        {
            Assert.Equal("200", await TryAsync(door, "now", token));
            Assert.Equal(i, door.Issuer.Auth.Introspections);
        }
        door.Issuer.Auth.Opaque.Clear();
        Assert.Equal("401 credential_invalid", await TryAsync(door, "now", token));
        Assert.Equal("200", await TryAsync(door, "open", token));

        door.Issuer.Auth.IsAway = true;
        Assert.Equal("503 unavailable", await TryAsync(door, "now", token));
    }

    [Fact]
    public async Task Between_two_heartbeats_no_critical_route_refuses_however_short_its_time()
    {
        await using var door = await AccessShown.OpenAsync(_clock, AccessShown.Route("impatient", ("revocation", "critical"), ("criticalAfter", "1ms")));
        await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("alice", "ui");
        await Eventually.AnswersAsync(async () => await TryAsync(door, "impatient", token) == "200", "the replay is complete");

        _clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal("200", await TryAsync(door, "impatient", token));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("503 unavailable", await TryAsync(door, "impatient", token));
    }

    [Fact]
    public async Task T_13_a_critical_route_that_waits_less_than_the_feed_may_be_silent_refuses_known_callers_too()
    {
        await using var door = await OpenAsync();
        var token = Signed(door, "alice");
        await Eventually.AnswersAsync(async () => await TryAsync(door, "hasty", token) == "200", "the replay is complete");
        await CutAsync(door);

        _clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal("200", await TryAsync(door, "hasty", token));
        _clock.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Equal("503 unavailable", await TryAsync(door, "hasty", token));
    }

    [Theory]
    [InlineData("open", 60, null)]
    [InlineData("critical", 20, 21)]
    [InlineData("hasty", 5, 6)]
    [InlineData("normal", 9, 20)]
    [InlineData("now", 9, 20)]
    public async Task T_13_what_is_open_while_the_feed_is_cut_ends_when_a_new_request_would_be_refused(string route, int goesOn, int? ends)
    {
        await using var door = await OpenStreamsAsync();
        var token = Signed(door, "alice");
        await FollowsAsync(door);
        using var stream = await StreamOf(door, route, token);
        var over = stream.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
        await CutAsync(door);
        door.Issuer.Auth.Opaque.Clear(); // revoked, and the feed does not tell

        for (var second = 0; second < goesOn - 1; second++) await PassAsync(1);
        Assert.False(over.IsCompleted);
        for (var second = goesOn - 1; second < (ends ?? 0) && !over.IsCompleted; second++) await PassAsync(1);

        if (ends is not null) Assert.True(await EndsAsync(over));
        else Assert.False(over.IsCompleted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task T_13_what_is_open_on_a_normal_route_goes_on_while_auth_stands_by_it_or_cannot_say(bool isAway)
    {
        await using var door = await OpenStreamsAsync();
        var token = Signed(door, "alice");
        await FollowsAsync(door);
        using var stream = await StreamOf(door, "normal", token);
        var over = stream.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
        await CutAsync(door);
        door.Issuer.Auth.IsAway = isAway;

        for (var second = 0; second < 40; second++) await PassAsync(1);

        Assert.False(over.IsCompleted);
        if (!isAway) Assert.InRange(door.Issuer.Auth.Introspections, 2, 8);
    }

    private async Task<Door> OpenStreamsAsync()
    {
        var door = await AccessShown.OpenAsync(_clock, null, _routes);
        await door.AddAsync("account-service", async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.Body.WriteAsync("data: hello\n"u8.ToArray(), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        return door;
    }

    private static async Task FollowsAsync(Door door)
    {
        var revocations = (SecureMesh.Sdk.ITokenRevocations)door.Gateway.Services.GetService(typeof(SecureMesh.Sdk.ITokenRevocations))!;
        await Eventually.TrueAsync(() => revocations.IsCurrent, "the replay is complete");
    }

    private static async Task<StreamReader> StreamOf(Door door, string route, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/{route}/x");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        var answer = await door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("data: hello", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        return reader;
    }

    /// <summary>Seconds in tenths, with time in between for what was woken.</summary>
    private async Task PassAsync(int seconds)
    {
        for (var i = 0; i < seconds * 10; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(0.1));
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>True when it ends in whatever way within real seconds; the clock stands still but for the moment that an answer has to end.</summary>
    private async Task<bool> EndsAsync(Task<string?> over)
    {
        await Eventually.TrueAsync(() =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            return over.IsCompleted;
        }, "the stream ends");
        try
        {
            return await over is null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return true;
        }
    }
}
