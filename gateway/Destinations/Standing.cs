namespace SecureMesh.Gateway.Destinations;

/// <summary>What was wrong with an instance. What callers do wrong, or leave, is nothing of it.</summary>
internal enum Trouble
{
    /// <summary>No connection came about.</summary>
    Unreachable,

    /// <summary>It broke off, or said nothing in the route's time.</summary>
    Silent,

    /// <summary>It answers, but with 502, 503 or 504.</summary>
    Erring,
}

/// <summary>Why and until when an instance gets no requests.</summary>
/// <param name="Trouble">What was wrong last.</param>
/// <param name="Since">When it was ejected.</param>
/// <param name="Until">From then on one request may try it.</param>
/// <param name="Times">How often in a row.</param>
internal sealed record Outage(Trouble Trouble, TimeSpan Since, TimeSpan Until, int Times);

/// <summary>
/// How an instance has fared at this gateway. A connection that does not come about ejects it at once; five failures in a row, or
/// half of at least twenty requests within ten seconds, do too. It stays out for 5 s, doubled each time up to a minute.
/// </summary>
/// <remarks>
/// A request belongs to the era in which it was sent, and each ejection begins a new one: of the many that are under way when
/// an instance dies the first one counts, and none of those that were sent before says anything about the time after.
/// Time is that since the machine started (<c>TimeProvider.GetElapsedTime(0)</c>): a clock that is set back would keep it out for as long.
/// </remarks>
internal sealed class Standing
{
    private const int InARow = 5;
    private const int AtLeast = 20;
    private static readonly TimeSpan _window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _first = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(1);

    /// <summary>How long a request that tries an ejected instance keeps others from trying it too.</summary>
    private const long ProbeMilliseconds = 5000;

    private readonly Lock _gate = new();
    private long _begun;
    private long _ended;
    private long _probeAt;
    private int _era;
    private volatile Outage? _outage;
    private volatile bool _spotless = true;
    private int _row;
    private int _silentRow;
    private TimeSpan? _windowFrom;
    private long _windowBegun;
    private int _windowFailures;
    private TimeSpan _backAt;
    private int _times;

    /// <summary>Requests that it has not answered to the end.</summary>
    public int InFlight => (int)(Volatile.Read(ref _begun) - Volatile.Read(ref _ended));

    /// <summary>Null while it is in service.</summary>
    public Outage? Outage => _outage;

    /// <summary>Nothing has happened since the last success: the usual case, for which success need not be told.</summary>
    public bool IsSpotless => _spotless;

    /// <summary>A request goes to it.</summary>
    /// <returns>The era to be given back with what came of it.</returns>
    public int Begin()
    {
        Interlocked.Increment(ref _begun);
        return Volatile.Read(ref _era);
    }

    public void End() => Interlocked.Increment(ref _ended);

    /// <summary>Lets one request at a time try an ejected instance.</summary>
    public bool TryProbe(TimeSpan now)
    {
        var at = Volatile.Read(ref _probeAt);
        var mine = (long)now.TotalMilliseconds;
        return (at == 0 || mine - at >= ProbeMilliseconds) && Interlocked.CompareExchange(ref _probeAt, mine, at) == at;
    }

    public void EndProbe() => Volatile.Write(ref _probeAt, 0);

    /// <summary>It answered as a service should.</summary>
    /// <returns>True when it is back in service by that.</returns>
    public bool Succeeded(int era, TimeSpan now)
    {
        lock (_gate)
        {
            if (era != _era) return false;
            _row = _silentRow = 0;
            _spotless = true;
            if (_outage is null) return false;
            (_outage, _backAt) = (null, now);
            return true;
        }
    }

    /// <summary>It failed.</summary>
    /// <returns>The outage that begins with it, or goes on; null when it stays what it was.</returns>
    public Outage? Failed(int era, Trouble trouble, bool probe, TimeSpan now)
    {
        lock (_gate)
        {
            if (era != _era) return null;
            _spotless = false;
            if (_windowFrom is not { } from || now - from > _window) (_windowFrom, _windowBegun, _windowFailures) = (now, Volatile.Read(ref _begun) - 1, 0);
            _windowFailures++;
            _row++;
            _silentRow = trouble == Trouble.Erring ? 0 : _silentRow + 1;
            if (Verdict(trouble, probe) is not { } reason) return null;
            if (_outage is null && now - _backAt > _longest) _times = 0;
            _times++;
            var time = _times > 4 ? _longest : _first * (1 << (_times - 1));
            var since = _outage?.Since ?? now;
            _outage = new Outage(reason, since, now + (time < _longest ? time : _longest), _times);
            (_row, _silentRow, _windowFailures, _windowFrom) = (0, 0, 0, null);
            Volatile.Write(ref _era, _era + 1);
            return _outage;
        }
    }

    private Trouble? Verdict(Trouble trouble, bool probe)
    {
        if (trouble == Trouble.Unreachable || probe) return trouble;
        if (_row >= InARow) return _silentRow >= InARow ? Trouble.Silent : Trouble.Erring;
        // An instance that answers half of what it is asked is no use beside others, but better than none.
        var requests = Volatile.Read(ref _begun) - _windowBegun;
        return requests >= AtLeast && _windowFailures * 2 >= requests ? Trouble.Erring : null;
    }
}
