using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Revocation;

public sealed class RevocationStateTests
{
    private readonly TestClock _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly RevocationState _state;

    public RevocationStateTests() => _state = new RevocationState(_clock);

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
    public void A_token_issued_right_after_is_dated_to_the_moment_from_which_tokens_count()
    {
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 1));

        Assert.Equal(Now + 1, _state.IssueTime("uaa", "app", "user", _clock.GetUtcNow()).ToUnixTimeSeconds());
        Assert.Equal(_clock.GetUtcNow(), _state.IssueTime("uaa", "app", "another", _clock.GetUtcNow()));
        Assert.Equal(_clock.GetUtcNow(), _state.IssueTime("uaa", "app", null, _clock.GetUtcNow()));
        // What is to end far ahead ends until then.
        _state.Apply(Event(RevocationKind.User, "user", notBefore: Now + 3600));
        Assert.Equal(_clock.GetUtcNow(), _state.IssueTime("uaa", "app", "user", _clock.GetUtcNow()));
    }

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
