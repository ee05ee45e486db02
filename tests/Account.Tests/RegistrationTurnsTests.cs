using Microsoft.Extensions.Options;
using SecureMesh.Account.Registration;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class RegistrationTurnsTests : IDisposable
{
    private readonly TestClock _clock = new();
    private readonly RegistrationTurns _turns;

    public RegistrationTurnsTests() => _turns = new(Options.Create(new RegistrationOptions { AtOnce = 2 }), _clock);

    public void Dispose() => _turns.Dispose();

    private Task<IDisposable?> TakeAsync() => _turns.TakeAsync(TestContext.Current.CancellationToken);

    [Fact]
    public async Task Who_comes_when_all_turns_are_taken_waits_until_one_is_over()
    {
        using var first = await TakeAsync();
        var second = await TakeAsync();
        var third = TakeAsync();
        Assert.False(third.IsCompleted);

        second!.Dispose();

        using var turn = await third;
        Assert.NotNull(turn);
    }

    [Fact]
    public async Task Nobody_waits_longer_than_leaves_time_for_the_rest()
    {
        using var first = await TakeAsync();
        using var second = await TakeAsync();
        var third = TakeAsync();

        _clock.Advance(TimeSpan.FromSeconds(3.4));
        Assert.False(third.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Null(await third);
    }

    [Fact]
    public async Task Who_leaves_while_waiting_takes_no_turn()
    {
        using var first = await TakeAsync();
        var second = await TakeAsync();
        using var gone = new CancellationTokenSource();
        var third = _turns.TakeAsync(gone.Token);

        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        second!.Dispose();
        using var fourth = await TakeAsync();
        Assert.NotNull(fourth);
    }
}
