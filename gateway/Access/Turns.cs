using System.Net;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>
/// How many credentials that nobody knew are asked about at the same time, in all and for one address: a burst waits for its turn,
/// and whoever brings many bad ones takes neither auth from all nor the turns of other addresses.
/// </summary>
internal sealed class Turns(int inAll, int ofOneAddress, TimeSpan patience, TimeProvider time)
{
    private const int MostWaiting = 1024;
    private const int MostWaitingOfOne = 128;
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _taken = [];
    private readonly LinkedList<Waiter> _waiting = [];
    private int _all;

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get { lock (_gate) return _waiting.Count; }
    }

    /// <summary>Takes a turn, or waits for one.</summary>
    /// <returns>False when too many wait or it came to nothing in time; otherwise <see cref="Leave"/> gives the turn back.</returns>
    public async ValueTask<bool> EnterAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(CallerNetwork.Of(address));
        lock (_gate)
        {
            if (TryTake(waiter.Address)) return true;
            if (_waiting.Count >= MostWaiting || _waiting.Count(other => other.Address == waiter.Address) >= MostWaitingOfOne) return false;
            _waiting.AddLast(waiter);
        }
        try
        {
            await waiter.Turn.Task.WaitAsync(patience, time, cancellationToken);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            bool stillWaited;
            lock (_gate) stillWaited = _waiting.Remove(waiter);
            if (!stillWaited) Leave(address); // the turn came at the same moment
            return false;
        }
    }

    public void Leave(IPAddress? address)
    {
        var key = CallerNetwork.Of(address);
        lock (_gate)
        {
            _all--;
            if (--_taken[key] == 0) _taken.Remove(key);
            // The one who waits longest, of those whose address has a turn.
            for (var node = _waiting.First; node is not null; node = node.Next)
            {
                if (!TryTake(node.Value.Address)) continue;
                _waiting.Remove(node);
                node.Value.Turn.SetResult();
                return;
            }
        }
    }

    private bool TryTake(UInt128 address)
    {
        var taken = _taken.GetValueOrDefault(address);
        if (_all >= inAll || taken >= ofOneAddress) return false;
        _all++;
        _taken[address] = taken + 1;
        return true;
    }

    private sealed class Waiter(UInt128 address)
    {
        public UInt128 Address => address;

        public TaskCompletionSource Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
