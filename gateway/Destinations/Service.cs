namespace SecureMesh.Gateway.Destinations;

/// <summary>A service as this gateway knows it: its instances, and how much goes there.</summary>
internal sealed class Service(string name)
{
    /// <summary>Over how many seconds the retries are weighed against the requests.</summary>
    private const int Window = 10;

    /// <summary>Retries that are always allowed, so that the first request of a quiet minute may be repeated.</summary>
    private const int Always = 10 * Window;

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _sending = [];
    private readonly long[] _enteredThen = new long[Window];
    private readonly long[] _retriesThen = new long[Window];
    private int _second;
    private long _entered;
    private long _left;
    private long _retries;
    private volatile Selection _selection = new([], null);

    public string Name => name;

    public Selection Selection => _selection;

    /// <summary>Which of them get the requests of a route.</summary>
    /// <param name="pins">What the route asks of the instance; null for nothing.</param>
    public Selection For(InstancePins? pins) => pins is null ? _selection : _selection.For(pins);

    /// <summary>Requests to which it has not begun to answer.</summary>
    public long Waiting => Volatile.Read(ref _entered) - Volatile.Read(ref _left);

    /// <summary>A request goes there, unless too many wait already.</summary>
    public bool TryEnter(int most)
    {
        if (Interlocked.Increment(ref _entered) - Volatile.Read(ref _left) <= most) return true;
        Interlocked.Decrement(ref _entered);
        return false;
    }

    /// <summary>It has begun to answer, or will not.</summary>
    public void Leave() => Interlocked.Increment(ref _left);

    /// <summary>
    /// Somebody begins to send the body of a request. However slowly he sends, it waits all the while: so of one network no more may
    /// than a part of what may wait.
    /// </summary>
    public bool TryBeginBody(UInt128 network, int most)
    {
        lock (_sending)
        {
            var sending = _sending.GetValueOrDefault(network);
            if (sending >= most) return false;
            _sending[network] = sending + 1;
            return true;
        }
    }

    /// <summary>It is all there, or nobody waits for it any more.</summary>
    public void EndBody(UInt128 network)
    {
        lock (_sending)
        {
            if (--_sending[network] == 0) _sending.Remove(network);
        }
    }

    /// <summary>
    /// A request is to be sent again. A service that fails gets no more requests by that than a share of what callers send, as
    /// Finagle's RetryBudget has it.
    /// </summary>
    /// <param name="percent">Retries to a hundred requests of the last ten seconds, beside ten a second; 0: none.</param>
    /// <param name="parts">Into how many parts the budget is divided, of which this one may use the first.</param>
    public bool TryRetry(int percent, int parts = 1)
    {
        if (percent == 0) return false;
        var second = Volatile.Read(ref _second) % Window;
        var requests = Volatile.Read(ref _entered) - Volatile.Read(ref _enteredThen[second]);
        var retries = Interlocked.Increment(ref _retries) - Volatile.Read(ref _retriesThen[second]);
        if (retries * parts <= Always + (requests * percent / 100)) return true;
        Interlocked.Decrement(ref _retries);
        return false;
    }

    /// <summary>A second has passed.</summary>
    public void Tick()
    {
        _enteredThen[_second % Window] = Volatile.Read(ref _entered);
        _retriesThen[_second % Window] = Volatile.Read(ref _retries);
        Volatile.Write(ref _second, _second + 1);
    }

    /// <summary>Takes other instances, or the same ones when their standing has changed.</summary>
    /// <returns>What was in force before.</returns>
    public Selection Select(Instance[]? instances, string? zone)
    {
        lock (_gate)
        {
            var old = _selection;
            _selection = new Selection(instances ?? old.All, zone);
            return old;
        }
    }
}

/// <summary>How requests to a service are sent; section <c>gateway:services:NAME</c>.</summary>
internal sealed record ServiceSettings
{
    public static ServiceSettings Default { get; } = new();

    /// <summary>Retries to a hundred requests.</summary>
    public int RetryBudget { get; init; } = 20;

    /// <summary>How many requests may wait for its answer at the same time.</summary>
    public int MaxInFlight { get; init; } = 5000;

    /// <summary>How many of these may be of one network while their bodies are still on their way.</summary>
    public int MaxBodiesOfOne => Math.Max(16, MaxInFlight / 10);

    /// <summary>True: HTTP/2, also without TLS. False: HTTP/1.1. Null: as the instance says.</summary>
    public bool? Http2 { get; init; }
}
