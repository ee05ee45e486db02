namespace SecureMesh.Cli.Supervision;

/// <summary>What to do after a process ended by itself.</summary>
/// <param name="Restart">False: it is left down.</param>
/// <param name="Delay">How long to wait before the restart.</param>
/// <param name="Reason">Why it is left down.</param>
internal sealed record RestartDecision(bool Restart, TimeSpan Delay, string? Reason = null);

/// <summary>The first restart comes at once, the next ones later; five failures in two minutes are too many.</summary>
internal sealed class RestartPolicy(TimeProvider clock)
{
    public const int CannotStart = 78; // sysexits.h, EX_CONFIG

    private const int TooMany = 5;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan[] Delays = [TimeSpan.Zero, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)];

    private readonly Queue<long> _failures = new();

    /// <param name="exitCode">How the process ended.</param>
    /// <param name="wasUp">
    /// It served before in this run. Then its settings are good and what forbids the start now, for example a port that is
    /// taken for a moment, may pass; at the first start trying again changes nothing.
    /// </param>
    public RestartDecision Ended(int exitCode, bool wasUp)
    {
        if (exitCode == CannotStart && !wasUp) return new RestartDecision(false, TimeSpan.Zero, "it cannot start");

        var now = clock.GetTimestamp();
        while (_failures.TryPeek(out var oldest) && clock.GetElapsedTime(oldest, now) > Window) _failures.Dequeue();
        _failures.Enqueue(now);
        return _failures.Count >= TooMany
            ? new RestartDecision(false, TimeSpan.Zero, $"it failed {TooMany} times in {Window.TotalMinutes:0} minutes")
            : new RestartDecision(true, Delays[_failures.Count - 1]);
    }
}
