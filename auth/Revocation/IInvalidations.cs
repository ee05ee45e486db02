using System.Collections.Concurrent;
using System.Data.Common;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

/// <summary>What instances keep in memory and one of them may change.</summary>
internal static class Topics
{
    public const string Client = "client";
    public const string User = "user";
    public const string Key = "key";
}

/// <summary>
/// Tells every instance on the same database that something it may have in memory has changed: on PostgreSQL by
/// <c>NOTIFY</c>, on SQLite within the process, which is the only one.
/// </summary>
/// <remarks>
/// Whoever fills a cache from the database must not put in what it read before a change that was told meanwhile: count the
/// calls of <c>changed</c>, and keep what was read only when the count is what it was before reading. A network that swallows
/// notifications costs at most the age that the cache itself allows.
/// </remarks>
internal interface IInvalidations
{
    /// <summary>Tells it with the transaction: after the commit, and only then. This instance has heard it when WriteAsync returns.</summary>
    Task PublishAsync(DbConnection connection, DbTransaction transaction, string topic, string id);

    /// <summary>Calls back, quickly and without waiting for anything, with the id of each change; null: anything of the topic may have changed.</summary>
    void Subscribe(string topic, Action<string?> changed);
}

internal sealed class Invalidations(SqlDatabase database) : IInvalidations
{
    private readonly ConcurrentDictionary<string, Action<string?>[]> _subscribers = new(StringComparer.Ordinal);

    public async Task PublishAsync(DbConnection connection, DbTransaction transaction, string topic, string id)
    {
        database.AfterCommit(transaction, () => Deliver(topic, id));
        await Notifications.SendAsync(connection, transaction, Notifications.Invalidation(topic, id));
    }

    public void Subscribe(string topic, Action<string?> changed) =>
        _subscribers.AddOrUpdate(topic, [changed], (_, others) => [.. others, changed]);

    public void Deliver(string topic, string? id)
    {
        if (_subscribers.TryGetValue(topic, out var subscribers))
            foreach (var changed in subscribers) changed(id);
    }

    /// <summary>Everything may have changed: nobody has listened for a while.</summary>
    public void Flush()
    {
        foreach (var topic in _subscribers.Keys) Deliver(topic, null);
    }
}
