using System.Collections.Concurrent;

namespace SecureMesh.Auth.Revocation;

/// <summary>
/// Rows kept in memory, by zone and id: only those that exist and at most <see cref="Most"/>, so that nobody fills the memory with
/// names. A change is told (<see cref="IInvalidations"/>); should the telling get lost, it counts after <paramref name="longest"/>.
/// </summary>
internal sealed class Known<T>(Func<string, string, CancellationToken, Task<T?>> read, TimeSpan longest) where T : class
{
    private const int Most = 10_000;
    private readonly ConcurrentDictionary<(string Zone, string Id), Entry> _entries = new();
    private long _generation;

    /// <summary>The row as it is now.</summary>
    public ValueTask<T?> FindAsync(string zoneId, string id, CancellationToken cancellationToken) =>
        _entries.TryGetValue((zoneId, id), out var entry) && TimeProvider.System.GetElapsedTime(entry.ReadAt) < longest
            ? new(entry.Row)
            : new(ReadAsync(zoneId, id, cancellationToken));

    /// <summary>Forgets the id in every zone, or all; and whatever is being read at this moment.</summary>
    public void Forget(string? id)
    {
        Interlocked.Increment(ref _generation);
        if (id is null) _entries.Clear();
        else foreach (var key in _entries.Keys.Where(key => key.Id == id)) _entries.TryRemove(key, out _);
    }

    private async Task<T?> ReadAsync(string zoneId, string id, CancellationToken cancellationToken)
    {
        var generation = Interlocked.Read(ref _generation);
        var row = await read(zoneId, id, cancellationToken);
        if (row is null) return null;
        if (_entries.Count >= Most) _entries.Clear();
        // What was read before a change must not be kept after it.
        if (generation == Interlocked.Read(ref _generation)) _entries[(zoneId, id)] = new Entry(row, TimeProvider.System.GetTimestamp());
        if (generation != Interlocked.Read(ref _generation)) _entries.TryRemove((zoneId, id), out _);
        return row;
    }

    private sealed record Entry(T Row, long ReadAt);
}
