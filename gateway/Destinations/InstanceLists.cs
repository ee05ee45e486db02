using System.Collections.Frozen;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>The instances that are UP, by the names under which routes know their service.</summary>
internal sealed partial class InstanceLists(IServiceRegistry registry, ILogger<InstanceLists> logger)
{
    private readonly Lock _gate = new();
    private volatile FrozenDictionary<string, Instance[]> _byService = FrozenDictionary<string, Instance[]>.Empty;

    /// <summary>The instances of a service; empty when there is none.</summary>
    public Instance[] Of(string service) => _byService.TryGetValue(service, out var instances) ? instances : [];

    /// <summary>Takes over what the registry says now.</summary>
    public void Update()
    {
        lock (_gate)
        {
            var old = _byService;
            var known = old.Values.SelectMany(list => list).DistinctBy(Key).ToDictionary(Key);
            var lists = new Dictionary<string, List<Instance>>(StringComparer.OrdinalIgnoreCase);
            foreach (var registered in registry.Current.Instances.Where(instance => instance.Status == "UP"))
            {
                if (!Instance.IsUsable(registered))
                {
                    Log.Skipped(logger, registered.Id);
                    continue;
                }
                var key = Key(registered.Id, registered.Address);
                // Metadata is what an operator changes to shift traffic: then it is another object with the same history to come.
                if (!known.TryGetValue(key, out var instance) || !Same(instance.Metadata, registered.Metadata))
                    known[key] = instance = new Instance(registered.Id, registered.Address, registered.Metadata);
                foreach (var name in registered.Names.Distinct(StringComparer.OrdinalIgnoreCase))
                {
                    if (!lists.TryGetValue(name, out var list)) lists[name] = list = [];
                    list.Add(instance);
                }
            }
            _byService = lists.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.OrdinalIgnoreCase);
            Say(old);
        }
    }

    private void Say(FrozenDictionary<string, Instance[]> old)
    {
        foreach (var (service, instances) in _byService)
        {
            if (!old.TryGetValue(service, out var before) || !before.SequenceEqual(instances)) Log.Changed(logger, service, instances.Length);
        }
        foreach (var service in old.Keys.Where(service => !_byService.ContainsKey(service))) Log.Changed(logger, service, 0);
    }

    private static string Key(Instance instance) => Key(instance.Id, instance.Address);

    /// <summary>The address is part of the key, so that an instance that came back on another port begins without a history.</summary>
    private static string Key(string id, Uri address) => id + " " + address.AbsoluteUri;

    private static bool Same(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);

    private static partial class Log
    {
        [LoggerMessage(EventIds.DestinationsChanged, LogLevel.Information, "{Service} has {Count} instances")]
        public static partial void Changed(ILogger logger, string service, int count);

        [LoggerMessage(EventIds.DestinationSkipped, LogLevel.Warning, "The instance {Instance} is UP at an address that is no http or https URL and gets no requests")]
        public static partial void Skipped(ILogger logger, string instance);
    }
}
