using System.Collections.Concurrent;
using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// Keeps clients in memory: a client of a service asks for tokens all day, and the same row would be read each time.
/// </summary>
/// <remarks>
/// Only clients that exist are kept, at most <see cref="Most"/>, so that nobody fills the memory with names. A change is told
/// (<see cref="Topics.Client"/>); should the telling get lost, it counts after a second nevertheless.
/// </remarks>
internal sealed class KnownClients
{
    private const int Most = 10_000;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<(string Zone, string Id), Entry> _entries = new();
    private readonly IClients _store;
    private long _generation;

    public KnownClients(IClients store, IInvalidations invalidations)
    {
        _store = store;
        invalidations.Subscribe(Topics.Client, Forget);
    }

    /// <summary>The client as it is now.</summary>
    public ValueTask<Client?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken) =>
        _entries.TryGetValue((zoneId, clientId), out var entry) && TimeProvider.System.GetElapsedTime(entry.ReadAt) < Longest
            ? new(entry.Client)
            : new(ReadAsync(zoneId, clientId, cancellationToken));

    // The client in every zone, or all; and whatever is being read at this moment.
    private void Forget(string? clientId)
    {
        Interlocked.Increment(ref _generation);
        if (clientId is null) _entries.Clear();
        else foreach (var key in _entries.Keys.Where(key => key.Id == clientId)) _entries.TryRemove(key, out _);
    }

    private async Task<Client?> ReadAsync(string zoneId, string clientId, CancellationToken cancellationToken)
    {
        var generation = Interlocked.Read(ref _generation);
        var client = await _store.FindAsync(zoneId, clientId, cancellationToken);
        if (client is null) return null;
        if (_entries.Count >= Most) _entries.Clear();
        // What was read before a change must not be kept after it.
        if (generation == Interlocked.Read(ref _generation)) _entries[(zoneId, clientId)] = new Entry(client, TimeProvider.System.GetTimestamp());
        if (generation != Interlocked.Read(ref _generation)) _entries.TryRemove((zoneId, clientId), out _);
        return client;
    }

    private sealed record Entry(Client Client, long ReadAt);
}
