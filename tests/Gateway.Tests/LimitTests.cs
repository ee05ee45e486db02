using System.Net;
using SecureMesh.Gateway.Limits;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class LimitTests
{
    private readonly TestClock _clock = new();
    private static readonly RateLimit Three = new(3, TimeSpan.FromSeconds(30));
    private static readonly IPAddress Someone = IPAddress.Parse("192.0.2.1");

    private static Taken Take(TokenBuckets buckets, IPAddress? address = null, string route = "r") => buckets.Take(BucketKey.OfAddress(route, address ?? Someone), Three);

    [Fact]
    public void A_burst_is_granted_and_then_refilled_evenly()
    {
        var buckets = new TokenBuckets(_clock);
        for (var i = 0; i < 3; i++) Assert.True(Take(buckets).Granted);

        Assert.Equal(new Taken(false, 0, TimeSpan.FromSeconds(10)), Take(buckets));
        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(new Taken(false, 0, TimeSpan.FromSeconds(6)), Take(buckets));
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.True(Take(buckets).Granted);
        Assert.False(Take(buckets).Granted);

        _clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 3; i++) Assert.True(Take(buckets).Granted);
        Assert.False(Take(buckets).Granted);
    }

    [Theory]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("192.0.2.1", "c000:201::", false)]
    public void One_IPv6_network_of_64_bits_is_one_caller(string one, string other, bool same)
    {
        var buckets = new TokenBuckets(_clock);
        for (var i = 0; i < 3; i++) Take(buckets, IPAddress.Parse(one));

        Assert.Equal(!same, Take(buckets, IPAddress.Parse(other)).Granted);
    }

    [Fact]
    public void Routes_are_counted_apart()
    {
        var buckets = new TokenBuckets(_clock);
        for (var i = 0; i < 3; i++) Take(buckets);

        Assert.True(Take(buckets, route: "s").Granted);
    }

    [Fact]
    public void Memory_is_bounded_and_who_is_busy_is_not_forgotten()
    {
        var buckets = new TokenBuckets(_clock, capacity: 1000);
        for (var i = 0; i < 3; i++) Take(buckets);
        for (var i = 0; i < 10_000; i++)
        {
            Take(buckets, new IPAddress(0x0a000000 + i));
            Assert.False(Take(buckets).Granted);
        }

        Assert.InRange(buckets.Count, 1, 1000);
    }

    [Fact]
    public void What_is_left_and_when_is_told_with_every_token()
    {
        var buckets = new TokenBuckets(_clock);

        Assert.Equal(new Taken(true, 2, TimeSpan.FromSeconds(10)), Take(buckets)); // full again in ten seconds
        Assert.Equal(new Taken(true, 1, TimeSpan.FromSeconds(20)), Take(buckets));
        Assert.Equal(new Taken(true, 0, TimeSpan.FromSeconds(10)), Take(buckets)); // none is left, and the next one comes in ten
    }

    [Fact]
    public async Task Many_at_once_get_exactly_as_many_tokens_as_there_are()
    {
        var buckets = new TokenBuckets(_clock);
        var limit = new RateLimit(1000, TimeSpan.FromHours(1));

        var granted = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            () => Enumerable.Range(0, 500).Count(_ => buckets.Take(BucketKey.OfAll("r"), limit).Granted), TestContext.Current.CancellationToken)));

        Assert.Equal(1000, granted.Sum());
    }

    [Fact]
    public void Subjects_clients_and_zones_have_buckets_of_their_own()
    {
        var buckets = new TokenBuckets(_clock);
        var one = new RateLimit(1, TimeSpan.FromHours(1));
        BucketKey[] keys =
        [
            BucketKey.OfSubject("r", "uaa", "app"), BucketKey.OfClient("r", "uaa", "app"), BucketKey.OfSubject("r", "other", "app"),
            BucketKey.OfSubject("r", "uaa", "app2"), BucketKey.OfSubject("s", "uaa", "app"), BucketKey.OfAll("r"), BucketKey.OfAddress("r", IPAddress.None),
        ];

        Assert.All(keys, key => Assert.True(buckets.Take(key, one).Granted));
        Assert.All(keys, key => Assert.False(buckets.Take(key, one).Granted));
    }

    [Fact]
    public async Task A_subject_has_one_allowance_whatever_token_he_shows_and_others_have_theirs()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:limits:perSubject", "2/hour"));
        await door.AddAsync("account-service");

        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("alice", "ui")));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("alice", "ui")));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(door, door.Issuer.UserToken("alice", "ui")));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("bob", "ui")));
        Assert.Contains(door.Gateway.Logs, line => line.Contains("the subject exceeded the limit 2/hour of route accounts", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_has_one_allowance_for_all_its_users()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:limits:perClient", "2/hour"));
        await door.AddAsync("account-service");

        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("alice", "ui")));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("bob", "ui")));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(door, door.Issuer.UserToken("carol", "ui")));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.ClientToken("account-service", "server")));
    }

    [Fact]
    public async Task Nobody_without_a_credential_or_the_scope_uses_up_what_belongs_to_all()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:limits:total", "2/hour"), ("gateway:routes:accounts-demo:limits:total", "1/hour"));
        await door.AddAsync("account-service");

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(door, "bad"));
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(door, null));
            Assert.Equal(HttpStatusCode.Forbidden, await AskAsync(door, door.Issuer.UserToken("eve", "other")));
        }
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("alice", "ui")));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door, door.Issuer.UserToken("bob", "ui")));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(door, door.Issuer.UserToken("carol", "ui")));
        Assert.Contains(door.Gateway.Logs, line => line.Contains("the total of callers exceeded the limit 2/hour of route accounts", StringComparison.Ordinal));

        using var first = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode); // a public route counts everybody
        using var second = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
    }

    [Fact]
    public async Task V_103_the_limit_of_an_address_is_counted_before_any_credential_is_read()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:limits:perAddress", "3/hour"));
        await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("alice", "ui");
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(door, $"bad{i}"));
        var fetches = door.Issuer.KeyFetches;

        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(door, token));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(door, "eyJhbGciOiJFUzI1NiIsImtpZCI6Im5ldyJ9.e30.AAAA"));
        Assert.Equal(fetches, door.Issuer.KeyFetches);
    }

    [Fact]
    public async Task Each_answer_of_a_route_with_limits_says_what_is_left()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:accounts:limits:perAddress", "100/hour"), ("gateway:routes:accounts:limits:perSubject", "2/minute"), ("gateway:routes:accounts:limits:perClient", "60/second"));
        await door.AddAsync("account-service", http =>
        {
            http.Response.Headers["RateLimit"] = "\"the service's own\";r=1";
            return Task.CompletedTask;
        });
        var token = door.Issuer.UserToken("alice", "ui");
        const string policy = "\"address\";q=100;w=3600, \"subject\";q=2;w=60, \"client\";q=60;w=1";

        using var first = await door.GetAsync("/accounts/current", token);
        Assert.Equal(policy, One(first, "RateLimit-Policy"));
        Assert.Matches("^\"address\";r=99;t=[0-9]+, \"subject\";r=1;t=[0-9]+, \"client\";r=59;t=1$", One(first, "RateLimit"));

        using (await door.GetAsync("/accounts/current", token)) { }
        using var limited = await door.GetAsync("/accounts/current", token);
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        Assert.Equal(policy, One(limited, "RateLimit-Policy"));
        // The same time as Retry-After.
        Assert.EndsWith($"\"subject\";r=0;t={One(limited, "Retry-After")}", One(limited, "RateLimit"), StringComparison.Ordinal);

        using var refused = await door.GetAsync("/accounts/current", "bad");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Matches("^\"address\";r=96;t=[0-9]+$", One(refused, "RateLimit"));

        using var demo = await door.GetAsync("/accounts/demo");
        Assert.False(demo.Headers.Contains("RateLimit-Policy"));
    }

    private static string One(HttpResponseMessage answer, string header) => answer.Headers.GetValues(header).Single();

    private static async Task<HttpStatusCode> AskAsync(Door door, string? token)
    {
        using var answer = await door.GetAsync("/accounts/current", token);
        return answer.StatusCode;
    }
}
