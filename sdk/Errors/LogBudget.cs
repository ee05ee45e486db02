namespace SecureMesh.Sdk;

/// <summary>
/// How many lines of one kind are written in a second: what everybody reads in peace would cost more than the requests
/// themselves in a storm. What is left out is counted and said within a second. The budget comes back in small parts: given back
/// whole, a storm would write all lines of a second at its beginning, and every request of that moment would wait for them.
/// </summary>
/// <remarks>It looks at the clock when it is asked: a timer for each would wake an idle process fifty times a second.</remarks>
public sealed class LogBudget : IDisposable
{
    private const int PartsOfSecond = 50;
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly int _perSecond;
    private readonly Action<long> _summary;
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly ITimer _timer;
    private int _left;
    private long _leftOut;
    private long _part;

    /// <summary>A budget that is full at the beginning.</summary>
    /// <param name="perSecond">Lines in a second, 0 or more.</param>
    /// <param name="summary">Gets the number of lines left out, a second after the first of them and when the budget is disposed of; never 0.</param>
    /// <param name="time">The clock; real time unless given, whatever the clock of the service: it decides nothing but the length of a log.</param>
    public LogBudget(int perSecond, Action<long> summary, TimeProvider? time = null)
    {
        (_perSecond, _summary, _left, _time) = (perSecond, summary, perSecond, time ?? TimeProvider.System);
        _start = _time.GetTimestamp();
        _timer = _time.CreateTimer(static state => ((LogBudget)state!).Say(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>True when the line may be written; false counts it as left out.</summary>
    public bool TryTake()
    {
        Refill();
        if (Volatile.Read(ref _left) > 0 && Interlocked.Decrement(ref _left) >= 0) return true;
        if (Interlocked.Increment(ref _leftOut) == 1) _timer.Change(Second, Timeout.InfiniteTimeSpan);
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
        var part = _time.GetElapsedTime(_start).Ticks / (Second.Ticks / PartsOfSecond);
        var last = Volatile.Read(ref _part);
        // Whoever sees the new part first gives what has come since; two at once may lose a line that was taken meanwhile.
        if (part <= last || Interlocked.CompareExchange(ref _part, part, last) != last) return;
        Volatile.Write(ref _left, (int)Math.Min(_perSecond, Math.Max(0, Volatile.Read(ref _left)) + Given(part) - Given(last)));
    }

    /// <summary>Whole lines alone, so that all parts of a second together give the second's budget.</summary>
    private long Given(long parts) => _perSecond * parts / PartsOfSecond;

    private void Say()
    {
        if (Interlocked.Exchange(ref _leftOut, 0) is > 0 and var count) _summary(count);
    }
}
