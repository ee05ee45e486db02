using SecureMesh.Cli.Supervision;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Supervision;

public sealed class RestartPolicyTests
{
    private readonly TestClock _clock = new();
    private readonly RestartPolicy _policy;

    public RestartPolicyTests() => _policy = new RestartPolicy(_clock);

    [Fact]
    public void The_first_restart_is_at_once_and_the_fifth_failure_in_two_minutes_is_the_last()
    {
        var decisions = Enumerable.Range(0, 5).Select(_ => _policy.Ended(139, wasUp: false)).ToList();

        Assert.Equal([0, 0.2, 1, 2], decisions.Take(4).Select(d => d.Delay.TotalSeconds));
        Assert.All(decisions.Take(4), d => Assert.True(d.Restart));
        Assert.False(decisions[4].Restart);
        Assert.Equal("it failed 5 times in 2 minutes", decisions[4].Reason);
    }

    [Fact]
    public void Failures_older_than_two_minutes_are_forgotten()
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.True(_policy.Ended(1, wasUp: false).Restart);
            _clock.Advance(TimeSpan.FromSeconds(31));
        }
    }

    [Fact]
    public void Five_failures_within_exactly_two_minutes_are_too_many()
    {
        for (var i = 0; i < 4; i++)
        {
            Assert.True(_policy.Ended(1, wasUp: false).Restart);
            _clock.Advance(TimeSpan.FromSeconds(30));
        }

        Assert.False(_policy.Ended(1, wasUp: false).Restart);
    }

    [Fact]
    public void An_orderly_end_that_nobody_asked_for_is_a_failure_too() => Assert.True(_policy.Ended(0, wasUp: false).Restart);

    [Fact]
    public void A_process_that_cannot_start_is_not_started_again() => Assert.False(_policy.Ended(78, wasUp: false).Restart);

    [Fact]
    public void One_that_served_before_and_then_cannot_start_is_tried_again_as_after_any_failure()
    {
        var decisions = Enumerable.Range(0, 5).Select(_ => _policy.Ended(78, wasUp: true)).ToList();

        Assert.Equal([0, 0.2, 1, 2], decisions.Take(4).Select(d => d.Delay.TotalSeconds));
        Assert.Equal([true, true, true, true, false], decisions.Select(d => d.Restart));
    }
}
