using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace SecureMesh.Discovery.Registry;

using Instances = ImmutableSortedDictionary<string, Instance>;

/// <summary>
/// One version of the registry: list, delta window and hash are read from one immutable object, so that they always agree.
/// Netflix mixes them under concurrency and its clients then fetch everything (Netflix/eureka#1120).
/// </summary>
internal sealed class RegistryState
{
    private readonly ImmutableSortedDictionary<string, Instances> _apps;
    private readonly ImmutableSortedDictionary<long, Change> _changes;
    private readonly ImmutableDictionary<InstanceKey, long> _newest;
    private readonly TaskCompletionSource _superseded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<string> _hash;

    private RegistryState(
        long version,
        ImmutableSortedDictionary<string, Instances> apps,
        ImmutableSortedDictionary<long, Change> changes,
        ImmutableDictionary<InstanceKey, long> newest)
    {
        (Version, _apps, _changes, _newest) = (version, apps, changes, newest);
        _hash = new Lazy<string>(() => HashOf(Instances));
    }

    public long Version { get; }

    /// <summary>Applications in ordinal order, each with its instances; none is empty.</summary>
    public IEnumerable<KeyValuePair<string, IEnumerable<Instance>>> Apps =>
        _apps.Select(app => KeyValuePair.Create(app.Key, app.Value.Values));

    public IEnumerable<Instance> Instances => _apps.Values.SelectMany(app => app.Values);

    /// <summary>The newest change of each instance within the window, oldest first.</summary>
    public IEnumerable<Instance> Changes => _changes.Values.Select(change => change.Instance);

    /// <summary><c>apps__hashcode</c> of the whole registry; the delta carries the same.</summary>
    public string Hash => _hash.Value;

    /// <summary>Completes when a newer version has been published.</summary>
    public Task Superseded => _superseded.Task;

    /// <summary>A state of its own for each registry: <see cref="Superseded"/> is per object.</summary>
    public static RegistryState Fresh() => new(1,
        ImmutableSortedDictionary.Create<string, Instances>(StringComparer.Ordinal),
        ImmutableSortedDictionary<long, Change>.Empty,
        ImmutableDictionary<InstanceKey, long>.Empty);

    public IEnumerable<Instance> App(string name) => _apps.TryGetValue(name, out var app) ? app.Values : [];

    /// <summary>The state after one change; an instance whose kind is DELETED leaves the list and stays in the window.</summary>
    public RegistryState With(Instance instance, long now)
    {
        var app = _apps.GetValueOrDefault(instance.App) ?? ImmutableSortedDictionary.Create<string, Instance>(StringComparer.Ordinal);
        app = instance.ActionType == ChangeKind.Deleted ? app.Remove(instance.Id) : app.SetItem(instance.Id, instance);
        var version = Version + 1;
        var changes = _newest.TryGetValue(instance.Key, out var older) ? _changes.Remove(older) : _changes;
        return new RegistryState(
            version,
            app.IsEmpty ? _apps.Remove(instance.App) : _apps.SetItem(instance.App, app),
            changes.Add(version, new Change(now, instance)),
            _newest.SetItem(instance.Key, version));
    }

    /// <summary>Drops changes from before <paramref name="oldest"/>, and the oldest beyond <paramref name="limit"/>: clients then see another hash and fetch all.</summary>
    public RegistryState Trimmed(long oldest, int limit)
    {
        var (changes, newest) = (_changes, _newest);
        while (!changes.IsEmpty && (changes.Count > limit || changes.First().Value.At < oldest))
        {
            var (version, change) = changes.First();
            changes = changes.Remove(version);
            newest = newest.Remove(change.Instance.Key);
        }
        return changes == _changes ? this : new RegistryState(Version, _apps, changes, newest);
    }

    /// <summary>Wakes those who wait for a newer version; called once it can be seen.</summary>
    public void Supersede() => _superseded.TrySetResult();

    /// <summary>Counts by status, ordinal order, <c>NAME_COUNT_</c> each; empty for none.</summary>
    public static string HashOf(IEnumerable<Instance> instances)
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var instance in instances) counts[instance.Status] = counts.GetValueOrDefault(instance.Status) + 1;
        var hash = new StringBuilder();
        foreach (var (status, count) in counts) hash.Append(status).Append('_').Append(count.ToString(CultureInfo.InvariantCulture)).Append('_');
        return hash.ToString();
    }

    private readonly record struct Change(long At, Instance Instance);
}
