using SecureMesh.Gateway.Destinations;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>When an instance is ejected, for how long, and how many of a service at most.</summary>
public sealed class DestinationStandingTests
{
    private readonly TestClock _clock = new();

    private TimeSpan Now => _clock.GetElapsedTime(0);

    private static Instance An(string id, params (string Name, string Value)[] metadata) =>
        new(id, new Uri($"http://{id}:80"), metadata.ToDictionary(entry => entry.Name, entry => entry.Value));

    private Outage? Fail(Instance instance, Trouble trouble, int times = 1, bool probe = false)
    {
        Outage? outage = null;
        for (var i = 0; i < times; i++)
        {
            outage = instance.Standing.Failed(instance.Standing.Begin(), trouble, probe, Now);
            instance.Standing.End();
        }
        return outage;
    }

    private bool Succeed(Instance instance) => instance.Standing.Succeeded(instance.Standing.Begin(), Now);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Five_failures_in_a_row_eject_and_a_success_between_them_does_not(int trouble)
    {
        var instance = An("a");
        Fail(instance, (Trouble)trouble, 4);
        Succeed(instance);
        Assert.Null(Fail(instance, (Trouble)trouble, 4));

        var outage = Fail(instance, (Trouble)trouble);

        Assert.Equal(new Outage((Trouble)trouble, Now, Now + TimeSpan.FromSeconds(5), 1), outage);
        Assert.Same(outage, instance.Standing.Outage);
    }

    [Fact]
    public void A_connection_that_does_not_come_about_ejects_at_once() =>
        Assert.Equal(Trouble.Unreachable, Fail(An("a"), Trouble.Unreachable)!.Trouble);

    [Fact]
    public void Half_of_twenty_requests_within_ten_seconds_eject_and_fewer_do_not()
    {
        var instance = An("a");
        for (var i = 0; i < 9; i++)
        {
            Assert.Null(Fail(instance, Trouble.Silent));
            Succeed(instance);
        }
        Fail(instance, Trouble.Silent);
        Assert.Null(instance.Standing.Outage); // ten of nineteen
        Succeed(instance);

        // It answers some: no reason to refuse everybody when it is alone.
        Assert.Equal(Trouble.Erring, Fail(instance, Trouble.Silent)!.Trouble);
    }

    [Fact]
    public void Failures_of_the_past_do_not_count()
    {
        var instance = An("a");
        for (var i = 0; i < 30; i++)
        {
            Assert.Null(Fail(instance, Trouble.Silent));
            Succeed(instance);
            _clock.Advance(TimeSpan.FromSeconds(2));
        }
    }

    [Fact]
    public void Each_ejection_lasts_twice_as_long_up_to_a_minute_and_a_good_minute_forgets_them()
    {
        var instance = An("a");
        Fail(instance, Trouble.Unreachable);
        var times = new List<double>();
        for (var i = 0; i < 6; i++)
        {
            times.Add((instance.Standing.Outage!.Until - Now).TotalSeconds);
            _clock.Advance(instance.Standing.Outage.Until - Now);
            Fail(instance, Trouble.Unreachable, probe: true);
        }
        Assert.Equal([5, 10, 20, 40, 60, 60], times);

        Assert.True(Succeed(instance));
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(TimeSpan.FromSeconds(60), Fail(instance, Trouble.Unreachable)!.Until - Now);

        Assert.True(Succeed(instance));
        _clock.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(TimeSpan.FromSeconds(5), Fail(instance, Trouble.Unreachable)!.Until - Now);
    }

    [Fact]
    public void What_was_sent_before_an_ejection_says_nothing_about_the_time_after()
    {
        var instance = An("a");
        var eras = Enumerable.Range(0, 3).Select(_ => instance.Standing.Begin()).ToArray();
        var outage = Fail(instance, Trouble.Unreachable);

        Assert.Null(instance.Standing.Failed(eras[0], Trouble.Unreachable, false, Now)); // not another, longer one
        Assert.False(instance.Standing.Succeeded(eras[1], Now));
        Assert.Same(outage, instance.Standing.Outage);
    }

    [Fact]
    public void One_request_at_a_time_tries_an_ejected_instance_and_none_before_its_time()
    {
        var (good, bad) = (An("good"), An("bad"));
        var service = Serve(good, bad);
        var balancer = new Balancer(_clock);
        Fail(bad, Trouble.Silent, 5);
        service.Select(null, null);
        for (var i = 0; i < 50; i++) Assert.Same(good, balancer.Choose(service, null, null, out _));

        _clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Same(bad, balancer.Choose(service, null, null, out var probe));
        Assert.True(probe);
        for (var i = 0; i < 50; i++) Assert.Same(good, balancer.Choose(service, null, null, out _));
        bad.Standing.EndProbe();
        Assert.Same(bad, balancer.Choose(service, null, null, out _));
        _clock.Advance(TimeSpan.FromSeconds(5)); // the one under way may hang
        Assert.Same(bad, balancer.Choose(service, null, null, out _));
    }

    [Fact]
    public void A_request_that_failed_everywhere_else_may_try_an_ejected_instance()
    {
        var (good, bad) = (An("good"), An("bad"));
        var service = Serve(good, bad);
        Fail(bad, Trouble.Unreachable);
        service.Select(null, null);

        Assert.Same(bad, new Balancer(_clock).Choose(service, null, [good], out var probe));
        Assert.True(probe);
        Assert.Null(new Balancer(_clock).Choose(service, null, [good, bad], out _));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(5, 2)]
    public void At_most_half_of_the_instances_that_answer_are_ejected(int all, int ejected)
    {
        var instances = Enumerable.Range(0, all).Select(i => An($"i{i}")).ToArray();
        foreach (var instance in instances) Fail(instance, Trouble.Erring, 5);

        var selection = new Selection(instances, null);

        Assert.Equal(ejected, selection.Ejected.Length);
        Assert.Equal(all - ejected, selection.Available.Count);
        Assert.False(selection.IsOpen); // they answer: what they say is said to the caller
    }

    [Fact]
    public void All_that_cannot_be_reached_are_ejected_as_long_as_one_can()
    {
        var instances = Enumerable.Range(0, 3).Select(i => An($"i{i}")).ToArray();
        Fail(instances[0], Trouble.Unreachable);
        Fail(instances[1], Trouble.Unreachable);

        var selection = new Selection(instances, null);

        Assert.Equal(2, selection.Ejected.Length);
        Assert.Same(instances[2], selection.Available.Only);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    public void When_all_are_out_of_reach_or_silent_each_gets_one_request_at_a_time_and_the_rest_are_refused(int one, int other)
    {
        var (a, b) = (An("a"), An("b"));
        var service = Serve(a, b);
        var balancer = new Balancer(_clock);
        Fail(a, (Trouble)one, 5);
        Fail(b, (Trouble)other, 5);
        service.Select(null, null);

        Assert.True(service.Selection.IsOpen);
        var both = new[] { balancer.Choose(service, null, null, out _), balancer.Choose(service, null, null, out _) };
        Assert.Equal([a, b], both.OrderBy(instance => instance!.Id));
        Assert.Null(balancer.Choose(service, null, null, out _));

        Assert.True(Succeed(a)); // at once, whatever the time it was ejected for
        service.Select(null, null);
        Assert.Same(a, balancer.Choose(service, null, null, out var probe));
        Assert.False(probe);
    }

    [Fact]
    public void Retries_are_a_fifth_of_the_requests_of_ten_seconds_and_ten_a_second()
    {
        var service = Serve(An("a"));
        for (var i = 0; i < 1000; i++) service.TryEnter(int.MaxValue);

        Assert.Equal(300, Enumerable.Range(0, 1000).Count(_ => service.TryRetry(20)));
        Assert.False(service.TryRetry(20));
        Assert.True(service.TryRetry(30));
        Assert.False(service.TryRetry(0));

        for (var i = 0; i < 9; i++) service.Tick();
        Assert.False(service.TryRetry(20));
        service.Tick();
        Assert.Equal(100, Enumerable.Range(0, 1000).Count(_ => service.TryRetry(20)));
    }

    [Fact]
    public void No_more_requests_wait_than_may()
    {
        var service = Serve(An("a"));

        Assert.Equal(3, Enumerable.Range(0, 10).Count(_ => service.TryEnter(3)));
        service.Leave();
        Assert.Equal(2, service.Waiting);
        Assert.True(service.TryEnter(3));
        Assert.False(service.TryEnter(3));
    }

    [Fact]
    public void The_way_to_an_instance_and_a_limit_allocate_nothing()
    {
        var service = Serve(An("a"), An("b"), An("canary", ("weight", "10")));
        var (balancer, buckets, limit) = (new Balancer(TimeProvider.System), new Limits.TokenBuckets(TimeProvider.System), new Limits.RateLimit(int.MaxValue, TimeSpan.FromSeconds(1)));
        Go(10);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Go(10_000);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Go(int times)
        {
            for (var i = 0; i < times; i++)
            {
                buckets.Take(Limits.BucketKey.OfSubject("r", "uaa", "alice"), limit);
                service.TryEnter(5000);
                var instance = balancer.Choose(service, null, null, out _)!;
                instance.Standing.Begin();
                if (!instance.Standing.IsSpotless) throw new InvalidOperationException();
                service.Leave();
                instance.Standing.End();
            }
        }
    }

    private static Service Serve(params Instance[] instances)
    {
        var service = new Service("a-service");
        service.Select(instances, null);
        return service;
    }
}
