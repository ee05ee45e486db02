namespace SecureMesh.Sdk;

/// <summary>
/// How many lines of one kind are written in a second: what everybody reads in peace would cost more than the requests
/// themselves in a storm. What is left out is counted and said once a second. The budget comes back in small parts: given back
/// whole, a storm would write all lines of a second at its beginning, and every request of that moment would wait for them.
/// </summary>
public sealed class LogBudget : IDisposable
{
    private const int PartsOfSecond = 50;

    private readonly int _perSecond;
    private readonly Action<long> _summary;
    private readonly ITimer _timer;
    private int _left;
    private long _leftOut;
    private int _part;

    /// <summary>A budget that is full at the beginning.</summary>
    /// <param name="perSecond">Lines in a second, 0 or more.</param>
    /// <param name="summary">Gets the number of lines left out in the last second, when there were any.</param>
    public LogBudget(int perSecond, Action<long> summary)
    {
        (_perSecond, _summary, _left) = (perSecond, summary, perSecond);
        // Real time, whatever the clock: it decides nothing but the length of a log.
        _timer = TimeProvider.System.CreateTimer(static state => ((LogBudget)state!).Refill(), this, TimeSpan.FromSeconds(1) / PartsOfSecond, TimeSpan.FromSeconds(1) / PartsOfSecond);
    }

    /// <summary>True when the line may be written; false counts it as left out.</summary>
    public bool TryTake()
    {
        if (Volatile.Read(ref _left) > 0 && Interlocked.Decrement(ref _left) >= 0) return true;
        Interlocked.Increment(ref _leftOut);
        return false;
    }

    /// <summary>Says what was left out last.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        Say();
    }

    private void Refill()
    {
        _part = (_part + 1) % PartsOfSecond;
        // Whole lines alone, so that all parts of a second together give the second's budget.
        var more = _perSecond * (_part + 1L) / PartsOfSecond - _perSecond * (long)_part / PartsOfSecond;
        Volatile.Write(ref _left, (int)Math.Min(_perSecond, Math.Max(0, Volatile.Read(ref _left)) + more));
        if (_part == 0) Say();
    }

    private void Say()
    {
        if (Interlocked.Exchange(ref _leftOut, 0) is > 0 and var count) _summary(count);
    }
}
