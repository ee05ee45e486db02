using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Revocation;

/// <summary>Brings the revocations of all instances from the database into memory, in order.</summary>
internal sealed class RevocationFollower(IRevocationRows rows, RevocationState state, RevocationLog log, Current<RevocationOptions> options) : IDisposable
{
    private const int Batch = 500;
    private readonly SemaphoreSlim _turn = new(1);
    private long _synchronized;

    /// <summary>True when what is in memory was compared with the database a moment ago. Real time, whatever the clock: it is about the connection.</summary>
    public bool IsCurrent => Silence < options.Value.StaleAfter;

    /// <summary>How long ago that was.</summary>
    public TimeSpan Silence => Volatile.Read(ref _synchronized) is not 0 and var at ? TimeProvider.System.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>Reads everything that is kept.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await ReloadAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reads what is new.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var started = TimeProvider.System.GetTimestamp();
            var (head, _) = await rows.HeadAsync(cancellationToken);
            // The database was put back to an older state: what is in memory stays, since an end too many is no harm.
            if (head < log.Head) await ReloadAsync(cancellationToken);
            else if (head > log.Head) await ReadAsync(log.Head, toLog: true, cancellationToken);
            state.Sweep();
            Volatile.Write(ref _synchronized, started);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task ReloadAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        var (head, _) = await rows.HeadAsync(cancellationToken);
        log.Begin(Math.Max(head, await ReadAsync(0, toLog: false, cancellationToken)));
        Volatile.Write(ref _synchronized, started);
    }

    private async Task<long> ReadAsync(long after, bool toLog, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = await rows.ReadAsync(after, Batch, cancellationToken);
            foreach (var revocation in next) state.Apply(revocation.Revocation);
            if (toLog) log.Append(next);
            if (next.Count > 0) after = next[^1].Sequence;
            if (next.Count < Batch) return after;
        }
    }

    public void Dispose() => _turn.Dispose();
}
