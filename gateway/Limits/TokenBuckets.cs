using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Gateway.Limits;

/// <summary>Token buckets by route and caller's address, in bounded memory.</summary>
/// <remarks>
/// Two generations: when the young one is full it becomes the old one, and a bucket that is used moves back to the young.
/// Whoever comes from very many addresses pushes out idle buckets only, and has as many allowances as addresses anyway.
/// </remarks>
internal sealed class TokenBuckets(TimeProvider time, int capacity = 50_000)
{
    private readonly Lock _gate = new();
    private Dictionary<Key, Bucket> _young = [];
    private Dictionary<Key, Bucket> _old = [];

    /// <summary>How many buckets are kept at most.</summary>
    public int Count
    {
        get { lock (_gate) return _young.Count + _old.Count; }
    }

    /// <summary>Takes one token.</summary>
    /// <returns>Zero when there was one, else the time until there is.</returns>
    public TimeSpan Take(string route, RateLimit limit, IPAddress address)
    {
        var key = new Key(route, Network(address));
        var now = time.GetTimestamp();
        lock (_gate)
        {
            var bucket = Find(key, limit, now);
            bucket.Tokens = Math.Min(limit.Requests, bucket.Tokens + time.GetElapsedTime(bucket.At, now) / limit.Period * limit.Requests);
            bucket.At = now;
            if (bucket.Tokens < 1) return limit.Period * ((1 - bucket.Tokens) / limit.Requests);
            bucket.Tokens--;
            return TimeSpan.Zero;
        }
    }

    private Bucket Find(Key key, RateLimit limit, long now)
    {
        if (_young.TryGetValue(key, out var bucket)) return bucket;
        if (!_old.Remove(key, out bucket)) bucket = new Bucket { Tokens = limit.Requests, At = now };
        if (_young.Count >= capacity / 2) (_old, _young) = (_young, []);
        _young[key] = bucket;
        return bucket;
    }

    /// <summary>One caller holds a whole IPv6 /64; an IPv4 address stays one however it is written.</summary>
    private static UInt128 Network(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) bytes[8..].Clear();
        else bytes[15] = 4; // apart from the IPv6 networks that begin with the same bytes
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private readonly record struct Key(string Route, UInt128 Network);

    private sealed class Bucket
    {
        public double Tokens;
        public long At;
    }
}
