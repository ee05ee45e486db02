using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Revocations;

/// <summary>What a service makes of a good token that was revoked, or of which that cannot be known.</summary>
public sealed class RevokedTokensTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private StubFeed _feed = null!;

    private long Now => _clock.GetUtcNow().ToUnixTimeSeconds();

    public async ValueTask InitializeAsync() => _feed = await StubFeed.StartAsync();

    public async ValueTask DisposeAsync() => await _feed.DisposeAsync();

    private Task<Service> FollowAsync(params (string, string)[] more) =>
        Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"),
            [.. _feed.Settings, .. more.Select(setting => KeyValuePair.Create(setting.Item1, setting.Item2))], clock: _clock);

    private static ITokenRevocations Revocations(Service service) => service.Services.GetRequiredService<ITokenRevocations>();

    private async Task<StubFeed.Follower> CurrentAsync(Service service)
    {
        var follower = await _feed.FollowerAsync();
        await follower.SendAsync(Feed.Head(0));
        await Until.TrueAsync(() => Task.FromResult(Revocations(service).IsCurrent));
        return follower;
    }

    private string AccessToken() => TestIssuer.Sign(_feed.Key, new()
    {
        ["jti"] = "j",
        ["sub"] = "u",
        ["user_id"] = "u",
        ["client_id"] = "c",
        ["grant_id"] = "g",
        ["sid"] = "s",
        ["zid"] = "uaa",
        ["scope"] = new[] { "ui" },
        ["iss"] = "http://localhost:8080/uaa/oauth/token",
        ["aud"] = new[] { "mesh://sample" },
        ["iat"] = Now,
        ["exp"] = Now + 600,
    });

    private string Passport(long tokenIssuedAt) => TestIssuer.Sign(_feed.PassportKey, new()
    {
        ["jti"] = "j",
        ["sub"] = "u",
        ["user_id"] = "u",
        ["client_id"] = "c",
        ["grant_id"] = "g",
        ["sid"] = "s",
        ["zid"] = "uaa",
        ["scope"] = new[] { "ui" },
        ["iss"] = "http://localhost:8080",
        ["aud"] = "mesh://sample",
        ["iat"] = Now,
        ["exp"] = Now + 55,
        ["mode"] = "token",
        ["credential"] = "jwt",
        ["token_iat"] = tokenIssuedAt,
        ["token_kid"] = "original",
    }, "passport+jwt");

    [Theory]
    [InlineData("token", "j")]
    [InlineData("grant", "g")]
    [InlineData("session", "s")]
    [InlineData("user", "u")]
    [InlineData("client", "c")]
    [InlineData("zone", "uaa")]
    [InlineData("key", "{kid}")]
    public async Task T_13_a_revoked_token_is_refused_and_only_the_log_says_why(string kind, string subject)
    {
        await using var service = await FollowAsync();
        var follower = await CurrentAsync(service);
        var token = AccessToken();
        await follower.SendAsync(Feed.Revocation(1, kind, "another", notBefore: Now + 1));
        Assert.Equal(200, (await service.GetAsync("/ui", token)).Status);

        var before = Revocations(service).Version;
        await follower.SendAsync(Feed.Revocation(2, kind, subject.Replace("{kid}", _feed.Key.Kid, StringComparison.Ordinal), notBefore: Now + 1));
        await Until.TrueAsync(() => Task.FromResult(Revocations(service).Version > before + 1 || ((TokenRevocations)Revocations(service)).Place == 2));
        var answer = await service.GetAsync("/ui", token);

        Assert.Equal((401, "invalid_token"), (answer.Status, answer.Error));
        Assert.DoesNotContain("revoked", answer.Body + answer.Headers, StringComparison.OrdinalIgnoreCase);
        await service.LoggedAsync("Refused with 401 invalid_token: revoked");
    }

    [Theory]
    [InlineData("token", "j")]
    [InlineData("grant", "g")]
    [InlineData("session", "s")]
    [InlineData("user", "u")]
    [InlineData("client", "c")]
    [InlineData("zone", "uaa")]
    [InlineData("key", "original")]
    [InlineData("key", "{kid}")]
    public async Task T_13_a_passport_ends_with_the_credential_it_was_made_for_and_with_either_key(string kind, string subject)
    {
        await using var service = await FollowAsync();
        var follower = await CurrentAsync(service);
        // Made after the not-before for a credential issued before it: what counts is the credential.
        var (old, young) = (Passport(Now - 100), Passport(Now - 10));
        Assert.Equal((200, 200), ((await service.GetAsync("/ui", old)).Status, (await service.GetAsync("/ui", young)).Status));

        await follower.SendAsync(Feed.Revocation(1, kind, subject.Replace("{kid}", _feed.PassportKey.Kid, StringComparison.Ordinal), notBefore: Now - 50));
        await Until.TrueAsync(() => Task.FromResult(((TokenRevocations)Revocations(service)).Place == 1));

        Assert.Equal(401, (await service.GetAsync("/ui", old)).Status);
        await service.LoggedAsync("Refused with 401 invalid_token: revoked");
        Assert.Equal(kind is "user" or "client" or "zone" ? 200 : 401, (await service.GetAsync("/ui", young)).Status);
    }

    [Fact]
    public async Task T_17_the_end_of_a_key_brings_the_next_one_at_once_though_made_up_kids_have_spent_the_fetch()
    {
        await using var service = await FollowAsync();
        var follower = await CurrentAsync(service);
        var old = AccessToken();
        Assert.Equal(200, (await service.GetAsync("/ui", old)).Status);
        var (leaked, asked) = (_feed.Key.Kid, _feed.KeysAsked);
        _feed.Key = new SigningKey(); // published by nobody yet
        var young = AccessToken();
        Assert.Equal(200, (await service.GetAsync("/ui", young)).Status);
        Assert.Equal(asked + 1, _feed.KeysAsked);
        await MadeUpAsync(service);
        Assert.Equal(asked + 2, _feed.KeysAsked);
        await MadeUpAsync(service);
        Assert.Equal(asked + 2, _feed.KeysAsked);

        // The clock stands still: nothing but the event can cause a fetch now.
        _feed.Key = new SigningKey();
        var last = AccessToken();
        Assert.Equal(401, (await service.GetAsync("/ui", last)).Status);
        await follower.SendAsync(Feed.Revocation(1, "token", "another"), Feed.Revocation(2, "key", leaked));
        await Until.TrueAsync(async () => (await service.GetAsync("/ui", last)).Status == 200);

        Assert.Equal(asked + 3, _feed.KeysAsked);
        Assert.Equal(401, (await service.GetAsync("/ui", old)).Status);
    }

    [Fact]
    public async Task T_17_a_fetch_that_began_before_the_end_of_a_key_is_followed_by_another()
    {
        await using var service = await FollowAsync();
        var follower = await CurrentAsync(service);
        Assert.Equal(200, (await service.GetAsync("/ui", AccessToken())).Status);
        var (leaked, asked, held) = (_feed.Key.Kid, _feed.KeysAsked, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _feed.KeysHeld = held;
        var madeUp = MadeUpAsync(service);
        await Until.TrueAsync(() => Task.FromResult(_feed.KeysAsked == asked + 1));

        _feed.Key = new SigningKey();
        await follower.SendAsync(Feed.Revocation(1, "key", leaked));
        await Until.TrueAsync(() => Task.FromResult(((TokenRevocations)Revocations(service)).KeysEnded == 1));
        _feed.KeysHeld = null;
        held.SetResult();
        await madeUp;

        await Until.TrueAsync(async () => (await service.GetAsync("/ui", AccessToken())).Status == 200);
        Assert.Equal(asked + 2, _feed.KeysAsked);
    }

    /// <summary>A token by a key that was never published.</summary>
    private async Task MadeUpAsync(Service service)
    {
        var published = _feed.Key;
        _feed.Key = new SigningKey();
        var token = AccessToken();
        _feed.Key = published;
        Assert.Equal(401, (await service.GetAsync("/ui", token)).Status);
    }

    [Fact]
    public async Task T_13_while_the_feed_is_cut_an_open_service_goes_on()
    {
        await using var service = await FollowAsync();
        Assert.Equal(200, (await service.GetAsync("/ui", AccessToken())).Status); // nothing heard at all yet
        await CurrentAsync(service);

        _clock.Advance(TimeSpan.FromMinutes(5));

        Assert.False(Revocations(service).IsCurrent);
        Assert.Equal(200, (await service.GetAsync("/ui", AccessToken())).Status);
    }

    [Fact]
    public async Task T_13_while_the_feed_is_cut_a_critical_service_refuses_after_the_set_time_and_heals()
    {
        await using var service = await FollowAsync(("mesh:revocations:whenCut", "critical"), ("mesh:revocations:criticalAfter", "20s"));
        Assert.Equal(503, (await service.GetAsync("/ui", AccessToken())).Status); // nothing heard at all yet
        var follower = await CurrentAsync(service);
        Assert.Equal(200, (await service.GetAsync("/ui", AccessToken())).Status);
        await follower.SendAsync(Feed.Revocation(1, "token", "other"));
        await Until.TrueAsync(() => Task.FromResult(((TokenRevocations)Revocations(service)).Place == 1));

        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(200, (await service.GetAsync("/ui", AccessToken())).Status);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var answer = await service.GetAsync("/ui", AccessToken());

        Assert.Equal((503, "temporarily_unavailable"), (answer.Status, answer.Error));
        Assert.Equal(TimeSpan.FromSeconds(2), answer.Headers.RetryAfter?.Delta);
        await service.LoggedAsync("Refused with 503 temporarily_unavailable: the revocations are cut off");
        Assert.Equal(401, (await service.GetAsync("/ui", AccessToken() + "x")).Status); // a bad token stays one
        var again = await _feed.FollowerAsync(_clock);
        await again.SendAsync(Feed.Head(1));
        await Until.TrueAsync(async () => (await service.GetAsync("/ui", AccessToken())).Status == 200);
    }

    [Fact]
    public void The_marks_of_a_passport_are_those_of_the_credential_it_was_made_for()
    {
        using var passport = JsonDocument.Parse("""
            {"zid":"uaa","jti":"j","grant_id":"g","sid":"s","user_id":"u","client_id":"c","iat":200,"token_iat":100,"token_kid":"k"}
            """);

        Assert.Equal(new TokenMarks("uaa", "j", "g", "s", "u", "c", "k", 100), TokenMarks.OfPassport(passport.RootElement));
        Assert.Equal(new TokenMarks("uaa", "j", "g", "s", "u", "c", "own", 200), TokenMarks.Of(passport.RootElement, "own"));
    }

    [Fact]
    public void Marks_that_a_token_does_not_carry_are_none()
    {
        using var bare = JsonDocument.Parse("""{"iat":200,"sid":7,"token_iat":"100"}""");

        Assert.Equal(new TokenMarks("", null, null, null, null, "", null, 200), TokenMarks.OfPassport(bare.RootElement));
    }

    [Fact]
    public void To_ask_whether_a_token_is_revoked_allocates_nothing()
    {
        var revocations = new TokenRevocations(TimeProvider.System, NullLogger<TokenRevocations>.Instance);
        foreach (var kind in Enum.GetValues<RevocationKind>())
            revocations.Apply(new Revocation(1, kind, "uaa", "other", null, Feed.Moment, DateTimeOffset.UtcNow.AddHours(1)));
        revocations.Settle(complete: true);
        var marks = new TokenMarks("uaa", "j", "g", "s", "u", "c", "k", Feed.Moment);
        var any = revocations.IsRevoked(marks) || !revocations.IsCurrent;

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) any |= revocations.IsRevoked(marks) || !revocations.IsCurrent;

        // Not a byte a call; what the runtime needs once, when it compiles the loop anew, is none of it.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 9_999);
        Assert.False(any);
    }
}
