using Microsoft.AspNetCore.Builder;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Errors;

public sealed class LogBudgetTests
{
    [Fact]
    public void What_is_left_out_is_counted_and_said()
    {
        long said = 0;
        var budget = new LogBudget(2, count => Interlocked.Add(ref said, count));

        // The second may turn while the test runs: then there is more room, never less.
        var written = Enumerable.Range(0, 1000).Count(_ => budget.TryTake());
        budget.Dispose();

        Assert.InRange(written, 2, 100);
        Assert.Equal(1000, written + said);
    }

    [Fact]
    public void Without_room_nothing_is_written()
    {
        using var budget = new LogBudget(0, _ => { });

        Assert.False(budget.TryTake());
    }

    [Fact]
    public void The_budget_of_a_second_comes_back_in_small_parts_and_never_beyond_itself()
    {
        var clock = new TestClock();
        using var budget = new LogBudget(100, _ => { }, clock);

        int Taken() => Enumerable.Range(0, 1000).Count(_ => budget.TryTake());

        Assert.Equal(100, Taken());
        Assert.Equal(0, Taken());
        clock.Advance(TimeSpan.FromMilliseconds(20));
        Assert.Equal(2, Taken());
        clock.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(50, Taken());
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(100, Taken());
        clock.Advance(TimeSpan.FromHours(1));
        Assert.True(budget.TryTake());
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(100, Taken());
    }

    [Fact]
    public void A_budget_smaller_than_its_parts_gives_a_second_what_it_has_and_no_more()
    {
        var clock = new TestClock();
        using var budget = new LogBudget(3, _ => { }, clock);
        while (budget.TryTake()) { }

        var taken = 0;
        for (var part = 0; part < 500; part++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(20));
            while (budget.TryTake()) taken++;
        }

        Assert.Equal(30, taken);
    }

    [Fact]
    public void What_is_left_out_is_said_within_a_second_and_once()
    {
        var clock = new TestClock();
        var said = new List<long>();
        using var budget = new LogBudget(1, said.Add, clock);

        for (var i = 0; i < 8; i++) budget.TryTake();
        clock.Advance(TimeSpan.FromSeconds(0.9));
        Assert.Empty(said);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal([7], said);
        clock.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 3; i++) budget.TryTake();
        clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal([7, 2], said);
    }

    [Fact]
    public async Task A_refusal_has_its_line_when_successes_have_none_left()
    {
        await using var service = await Service.StartAsync(
            app => app.MapGet("/well", () => "well").AllowAnonymous(), [new("mesh:loggedSuccessesPerSecond", "0")]);

        await service.GetAsync("/well");
        await service.GetAsync("/nowhere");

        await service.LoggedAsync("GET /nowhere 404");
        await service.LoggedAsync("1 more requests succeeded");
        Assert.DoesNotContain(service.Logs, line => line.Contains("GET /well", StringComparison.Ordinal));
    }
}
