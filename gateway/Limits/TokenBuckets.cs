using System.Collections.Concurrent;
using System.Net;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Limits;

/// <summary>Token buckets by route and caller, in bounded memory and without a lock.</summary>
/// <remarks>
/// Two generations: when the young one is full it becomes the old one, and a bucket that is used moves back to the young.
/// Whoever comes under very many names pushes out idle buckets only, and has as many allowances as names anyway.
/// </remarks>
internal sealed class TokenBuckets(TimeProvider time, int capacity = 100_000)
{
    private readonly Lock _gate = new();
    private volatile Generations _generations = new(new(), new());
    private int _added;

    /// <summary>How many buckets are kept; never more than the capacity.</summary>
    public int Count
    {
        get
        {
            var (young, old) = _generations;
            return young.Count + old.Count;
        }
    }

    /// <summary>Takes one token when there is one.</summary>
    public Taken Take(in BucketKey key, RateLimit limit)
    {
        var bucket = Find(key);
        var now = time.GetTimestamp();
        var step = Math.Max(1, (long)(limit.Period.TotalSeconds * time.TimestampFrequency / limit.Requests));
        while (true)
        {
            // A bucket is the time at which it will be full (the virtual scheduling of ITU-T I.371): one number, one exchange.
            var fullAt = Volatile.Read(ref bucket.FullAt);
            var missing = Math.Max(fullAt, now) + step - now;
            var over = missing - (step * limit.Requests);
            if (over > 0) return new Taken(false, 0, Span(over));
            if (Interlocked.CompareExchange(ref bucket.FullAt, now + missing, fullAt) != fullAt) continue;
            var left = -over / step;
            return new Taken(true, (int)left, Span(left > 0 ? missing : step + over));
        }

        TimeSpan Span(long ticks) => time.GetElapsedTime(0, ticks);
    }

    private Bucket Find(in BucketKey key)
    {
        var (young, old) = _generations;
        if (young.TryGetValue(key, out var bucket)) return bucket;
        // It stays in the old one too, so that nobody who looks there at the same time begins a second one.
        if (!old.TryGetValue(key, out bucket)) bucket = new Bucket();
        if (!young.TryAdd(key, bucket)) return young.TryGetValue(key, out var others) ? others : bucket;
        if (Interlocked.Increment(ref _added) >= capacity / 2) Turn();
        return bucket;
    }

    private void Turn()
    {
        lock (_gate)
        {
            if (_added < capacity / 2) return;
            _generations = new(new(), _generations.Young);
            _added = 0;
        }
    }

    private sealed record Generations(ConcurrentDictionary<BucketKey, Bucket> Young, ConcurrentDictionary<BucketKey, Bucket> Old);

    private sealed class Bucket
    {
        public long FullAt = long.MinValue;
    }
}

/// <summary>What became of a request for a token.</summary>
/// <param name="Granted">False: there was none.</param>
/// <param name="Left">How many more there are now.</param>
/// <param name="Wait">With none left, the time until there is one again; otherwise until all are.</param>
internal readonly record struct Taken(bool Granted, int Left, TimeSpan Wait);

/// <summary>By what requests are counted.</summary>
internal enum CountedBy
{
    Address,
    Subject,
    Client,
    Total,
}

/// <summary>Whose bucket it is: of one route always, so that no route uses up the allowance of another.</summary>
internal readonly record struct BucketKey(string Route, CountedBy By, string? Zone, string? Name, UInt128 Network)
{
    public static BucketKey OfAddress(string route, IPAddress address) => new(route, CountedBy.Address, null, null, CallerNetwork.Of(address));

    /// <summary>Ids are unique in their zone.</summary>
    public static BucketKey OfSubject(string route, string zone, string subject) => new(route, CountedBy.Subject, zone, subject, 0);

    public static BucketKey OfClient(string route, string zone, string client) => new(route, CountedBy.Client, zone, client, 0);

    public static BucketKey OfAll(string route) => new(route, CountedBy.Total, null, null, 0);
}
