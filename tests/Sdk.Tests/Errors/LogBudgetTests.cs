using Microsoft.AspNetCore.Builder;
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
