using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Limits;

/// <summary>Failed authentications by network, in bounded memory.</summary>
/// <remarks>
/// Two generations: when the young one is full it becomes the old one, and a count that is used moves back to the young.
/// Whoever comes from very many networks pushes out idle counts only, and has as many allowances as networks anyway.
/// </remarks>
internal sealed class AddressFailures(TimeProvider time)
{
    private const int Capacity = 50_000;
    private readonly Lock _gate = new();
    private Dictionary<UInt128, Count> _young = [];
    private Dictionary<UInt128, Count> _old = [];

    /// <summary>A key for what is counted by name, of whatever length, instead of by network.</summary>
    public static UInt128 Key(string name) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    /// <summary>How many networks are remembered at most.</summary>
    public int Remembered
    {
        get { lock (_gate) return _young.Count + _old.Count; }
    }

    /// <summary>How long the network has to wait; zero when it may try.</summary>
    public TimeSpan Wait(UInt128 network, int most, TimeSpan window)
    {
        lock (_gate) return Find(network) is { } count ? Wait(count, most, window) : TimeSpan.Zero;
    }

    /// <summary>Counts one failure, unless the network has to wait: an attempt then does not make it wait longer.</summary>
    public TimeSpan Add(UInt128 network, int most, TimeSpan window)
    {
        lock (_gate)
        {
            var count = Find(network);
            if (count is null)
            {
                if (_young.Count >= Capacity / 2) (_old, _young) = (_young, []);
                _young[network] = count = new Count { Since = time.GetTimestamp() };
            }
            var wait = Wait(count, most, window);
            if (wait == TimeSpan.Zero) count.Failures++;
            return wait;
        }
    }

    /// <summary>Takes back one failure that turned out to be none.</summary>
    public void TakeBack(UInt128 network)
    {
        lock (_gate)
            if (Find(network) is { Failures: > 0 } count && --count.Failures == 0) _young.Remove(network);
    }

    private TimeSpan Wait(Count count, int most, TimeSpan window)
    {
        var left = window - time.GetElapsedTime(count.Since);
        if (left <= TimeSpan.Zero)
        {
            (count.Failures, count.Since) = (0, time.GetTimestamp());
            return TimeSpan.Zero;
        }
        return count.Failures < most ? TimeSpan.Zero : left;
    }

    private Count? Find(UInt128 network)
    {
        if (_young.TryGetValue(network, out var count)) return count;
        if (!_old.Remove(network, out count)) return null;
        if (_young.Count >= Capacity / 2) (_old, _young) = (_young, []);
        _young[network] = count;
        return count;
    }

    private sealed class Count
    {
        public int Failures;
        public long Since;
    }
}
