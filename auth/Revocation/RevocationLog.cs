namespace SecureMesh.Auth.Revocation;

/// <summary>The last revocations in order, for those who follow, and a way to wait for the next.</summary>
internal sealed class RevocationLog
{
    /// <summary>How many are kept here; older ones are read from the database.</summary>
    public const int Capacity = 4096;

    private readonly Lock _gate = new();
    private readonly NumberedRevocation[] _ring = new NumberedRevocation[Capacity];
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _first = 1;
    private long _head;

    /// <summary>The number of the last one.</summary>
    public long Head
    {
        get { lock (_gate) return _head; }
    }

    /// <summary>The number of the first one that is kept here, or would be.</summary>
    public long First
    {
        get { lock (_gate) return _first; }
    }

    /// <summary>Begins after a number, with nothing kept: at the start, and when the database has gone back in time.</summary>
    public void Begin(long head)
    {
        lock (_gate) (_head, _first) = (head, head + 1);
        Wake();
    }

    /// <summary>Takes the next ones, in order. A number that is left out was deleted because it concerned nothing any more.</summary>
    public void Append(IReadOnlyList<NumberedRevocation> revocations)
    {
        lock (_gate)
        {
            foreach (var revocation in revocations)
            {
                if (revocation.Sequence <= _head) continue;
                // After a gap the ring would lie about what it holds: it starts anew, the database has the rest.
                if (revocation.Sequence != _head + 1) _first = revocation.Sequence;
                _head = revocation.Sequence;
                _ring[_head % Capacity] = revocation;
                _first = Math.Max(_first, _head - Capacity + 1);
            }
        }
        Wake();
    }

    /// <summary>Everything after a number; null when the ring does not go back so far.</summary>
    public IReadOnlyList<NumberedRevocation>? After(long sequence)
    {
        lock (_gate)
        {
            if (sequence + 1 < _first) return null;
            var found = new NumberedRevocation[Math.Max(0, _head - sequence)];
            for (var i = 0; i < found.Length; i++) found[i] = _ring[(sequence + 1 + i) % Capacity];
            return found;
        }
    }

    /// <summary>Done at the next change; take it before looking, so that none is missed.</summary>
    public Task NextAsync()
    {
        lock (_gate) return _next.Task;
    }

    private void Wake()
    {
        TaskCompletionSource next;
        lock (_gate) (next, _next) = (_next, new(TaskCreationOptions.RunContinuationsAsynchronously));
        next.SetResult();
    }
}
