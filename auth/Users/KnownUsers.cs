using System.Collections.Concurrent;
using SecureMesh.Auth.Revocation;

namespace SecureMesh.Auth.Users;

/// <summary>
/// Keeps users in memory for the check of tokens, which asks for the same one at each request. Whatever changes a user, or the
/// groups of one, tells it (<see cref="IInvalidations"/>); then the user is another object.
/// </summary>
/// <remarks>Only users that exist are kept, at most <see cref="Most"/>. Signing in reads the database itself.</remarks>
internal sealed class KnownUsers
{
    private const int Most = 10_000;

    // A change that nobody told, as when somebody writes into the database, is seen after this long.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<(string Zone, string Id), Entry> _entries = new();
    private readonly IUsers _store;
    private long _generation;

    public KnownUsers(IUsers store, IInvalidations invalidations)
    {
        _store = store;
        invalidations.Subscribe(Topics.User, Forget);
    }

    public ValueTask<User?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken) =>
        _entries.TryGetValue((zoneId, userId), out var entry) && TimeProvider.System.GetElapsedTime(entry.ReadAt) < Longest
            ? new(entry.User)
            : new(ReadAsync(zoneId, userId, cancellationToken));

    private async Task<User?> ReadAsync(string zoneId, string userId, CancellationToken cancellationToken)
    {
        var generation = Interlocked.Read(ref _generation);
        var user = await _store.FindAsync(zoneId, userId, cancellationToken);
        if (user is null) return null;
        if (_entries.Count >= Most) _entries.Clear();
        // What was read before a change must not be kept after it.
        if (generation == Interlocked.Read(ref _generation)) _entries[(zoneId, userId)] = new Entry(user, TimeProvider.System.GetTimestamp());
        if (generation != Interlocked.Read(ref _generation)) _entries.TryRemove((zoneId, userId), out _);
        return user;
    }

    private void Forget(string? userId)
    {
        Interlocked.Increment(ref _generation);
        if (userId is null) _entries.Clear();
        else
            foreach (var key in _entries.Keys.Where(key => key.Id == userId)) _entries.TryRemove(key, out _);
    }

    private sealed record Entry(User User, long ReadAt);
}
