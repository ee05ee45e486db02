using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Revocation;

public sealed class RevocationStateTests
{
    private readonly TestClock _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly RevocationState _state;

    public RevocationStateTests() => _state = new RevocationState(_clock, new Pause(_clock));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private long Now => _clock.GetUtcNow().ToUnixTimeSeconds();

    [Theory]
    [InlineData("token", "jti")]
    [InlineData("grant", "grant")]
    [InlineData("session", "session")]
    [InlineData("key", "kid")]
    public void T_13_a_name_ends_what_carries_it_and_nothing_else(string kind, string subject)
    {
        _state.Apply(Event(Enum.Parse<RevocationKind>(kind, ignoreCase: true), subject));

        Assert.True(_state.IsRevoked(Token()));
        Assert.False(_state.IsRevoked(Token() with { TokenId = "x", GrantId = "x", SessionId = "x", KeyId = "x" }));
        Assert.False(_state.IsRevoked(Token() with { ZoneId = "other" }));
        Assert.False(_state.IsRevoked(new TokenMarks("uaa", null, null, null, null, "app", null, Now)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void V_054_the_latest_not_before_of_all_levels_wins_in_either_order(bool clientFirst)
    {
        var client = Event(RevocationKind.Client, "app", notBefore: Now - 100);
        var zone = Event(RevocationKind.Zone, "uaa", notBefore: Now - 10);
        foreach (var one in clientFirst ? new[] { client, zone } : [zone, client]) _state.Apply(one);
        // An older one that comes later hides nothing.
        _state.Apply(Event(RevocationKind.Zone, "uaa", notBefore: Now - 200));

        Assert.True(_state.IsRevoked(Token() with { IssuedAt = Now - 11 }));
        Assert.True(_state.IsRevoked(Token() with { IssuedAt = Now - 11, UserId = null }));
        Assert.False(_state.IsRevoked(Token() with { IssuedAt = Now - 10 }));
    }

    [Fact]
    public void V_013_a_user_at_one_client_is_exactly_that()
    {
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 1, clientId: "app"));

        Assert.True(_state.IsRevoked(Token()));
        Assert.False(_state.IsRevoked(Token() with { ClientId = "other" }));
        Assert.False(_state.IsRevoked(Token() with { UserId = "another" }));
        Assert.False(_state.IsRevoked(Token() with { UserId = null }));
    }

    [Fact]
    public async Task Who_is_given_a_token_right_after_waits_for_the_moment_from_which_tokens_count()
    {
        _clock.Advance(TimeSpan.FromMilliseconds(300));
        var start = _clock.GetUtcNow();
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 1));

        Assert.Equal(start, await IssueTimeAsync("another"));
        Assert.Equal(start, await IssueTimeAsync(null));
        var waiting = IssueTimeAsync("user").AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(699));
        Assert.False(waiting.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(start.AddMilliseconds(700), await waiting.WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        Assert.Equal(start.AddMilliseconds(700), await IssueTimeAsync("user"));
    }

    [Fact]
    public async Task What_is_to_end_far_ahead_ends_until_then()
    {
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 3600));

        Assert.Equal(_clock.GetUtcNow(), await IssueTimeAsync("user"));
    }

    [Theory]
    [InlineData("user", "user", true)]
    [InlineData("client", "app", true)]
    [InlineData("user", "another", false)]
    public async Task Who_is_revoked_again_while_he_waits_gets_nothing_that_lives(string kind, string subject, bool dead)
    {
        var asked = _clock.GetUtcNow();
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 1));
        var waiting = IssueTimeAsync("user").AsTask();

        // Of the same second, so that nothing moves on: he was let in before it nevertheless.
        _state.Apply(Event(Enum.Parse<RevocationKind>(kind, ignoreCase: true), subject, notBefore: Now + 1));
        _clock.Advance(TimeSpan.FromSeconds(1));

        var issued = await waiting.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.Equal(dead ? asked : asked.AddSeconds(1), issued);
        Assert.Equal(dead, issued.ToUnixTimeSeconds() < _state.EarliestIssue("uaa", "app", "user"));
    }

    [Fact]
    public async Task With_a_real_clock_nobody_wakes_too_early()
    {
        var state = new RevocationState(TimeProvider.System, new Pause(TimeProvider.System));
        for (var i = 0; i < 3; i++)
        {
            var second = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1;
            state.Apply(Event(RevocationKind.User, "user", notBefore: second) with { ExpiresAt = DateTimeOffset.UtcNow.AddHours(1) });

            Assert.True((await state.IssueTimeAsync("uaa", "app", "user", Cancel)).ToUnixTimeSeconds() >= second);
        }
    }

    private ValueTask<DateTimeOffset> IssueTimeAsync(string? userId) => _state.IssueTimeAsync("uaa", "app", userId, Cancel);

    [Fact]
    public void V_070_what_can_concern_no_token_any_more_is_forgotten()
    {
        for (var i = 0; i < 1000; i++)
        {
            _state.Apply(Event(RevocationKind.Token, "t" + i));
            _state.Apply(Event(RevocationKind.User, "u" + i, notBefore: Now));
        }
        Assert.Equal(2000, _state.Count);

        _clock.Advance(TimeSpan.FromHours(12));
        _state.Apply(Event(RevocationKind.Token, "old") with { ExpiresAt = _clock.GetUtcNow() });
        _state.Sweep();

        Assert.Equal(0, _state.Count);
    }

    private RevocationEvent Event(RevocationKind kind, string subject, long? notBefore = null, string? clientId = null) => new()
    {
        Kind = kind,
        Subject = subject,
        ClientId = clientId,
        NotBefore = notBefore is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null,
        ExpiresAt = _clock.GetUtcNow().AddHours(12),
        Because = "test",
    };

    private TokenMarks Token() => new("uaa", "jti", "grant", "session", "user", "app", "kid", Now);
}
