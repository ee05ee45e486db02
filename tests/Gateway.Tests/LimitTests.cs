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

    [Fact]
    public void A_burst_is_granted_and_then_refilled_evenly()
    {
        var buckets = new TokenBuckets(_clock);
        for (var i = 0; i < 3; i++) Assert.Equal(TimeSpan.Zero, buckets.Take("r", Three, Someone));

        Assert.Equal(TimeSpan.FromSeconds(10), buckets.Take("r", Three, Someone));
        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(6, buckets.Take("r", Three, Someone).TotalSeconds, 3);
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(TimeSpan.Zero, buckets.Take("r", Three, Someone));
        Assert.NotEqual(TimeSpan.Zero, buckets.Take("r", Three, Someone));

        _clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 3; i++) Assert.Equal(TimeSpan.Zero, buckets.Take("r", Three, Someone));
        Assert.NotEqual(TimeSpan.Zero, buckets.Take("r", Three, Someone));
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
        for (var i = 0; i < 3; i++) buckets.Take("r", Three, IPAddress.Parse(one));

        Assert.Equal(same, buckets.Take("r", Three, IPAddress.Parse(other)) > TimeSpan.Zero);
    }

    [Fact]
    public void Routes_are_counted_apart()
    {
        var buckets = new TokenBuckets(_clock);
        for (var i = 0; i < 3; i++) buckets.Take("r", Three, Someone);

        Assert.Equal(TimeSpan.Zero, buckets.Take("s", Three, Someone));
    }

    [Fact]
    public void Memory_is_bounded_and_who_is_busy_is_not_forgotten()
    {
        var buckets = new TokenBuckets(_clock, capacity: 1000);
        for (var i = 0; i < 3; i++) buckets.Take("r", Three, Someone);
        for (var i = 0; i < 10_000; i++)
        {
            buckets.Take("r", Three, new IPAddress(0x0a000000 + i));
            Assert.NotEqual(TimeSpan.Zero, buckets.Take("r", Three, Someone));
        }

        Assert.InRange(buckets.Count, 1, 1000);
    }
}
