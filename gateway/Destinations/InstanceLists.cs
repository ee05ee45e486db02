using System.Collections.Frozen;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>The services with instances that are UP, by the names under which routes know them.</summary>
internal sealed partial class InstanceLists : IDisposable
{
    private readonly Lock _gate = new();
    private readonly IServiceRegistry _registry;
    private readonly LastGood<MeshOptions> _mesh;
    private readonly ILogger<InstanceLists> _logger;
    private readonly ITimer _seconds;
    private volatile FrozenDictionary<string, Service> _services = FrozenDictionary<string, Service>.Empty;

    public InstanceLists(IServiceRegistry registry, LastGood<MeshOptions> mesh, TimeProvider time, ILogger<InstanceLists> logger)
    {
        (_registry, _mesh, _logger) = (registry, mesh, logger);
        _seconds = time.CreateTimer(static state => ((InstanceLists)state!).Tick(), this, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>All services that have instances.</summary>
    public IEnumerable<Service> All => _services.Values;

    /// <summary>Null when no instance of it is UP.</summary>
    public Service? Find(string service) => _services.TryGetValue(service, out var found) ? found : null;

    /// <summary>The instances of a service; empty when there is none.</summary>
    public Instance[] Of(string service) => Find(service)?.Selection.All ?? [];

    public void Dispose() => _seconds.Dispose();

    /// <summary>Takes over what the registry says now.</summary>
    public void Update()
    {
        lock (_gate)
        {
            var old = _services;
            var known = old.Values.SelectMany(service => service.Selection.All).DistinctBy(Key).ToDictionary(Key);
            var lists = new Dictionary<string, List<Instance>>(StringComparer.OrdinalIgnoreCase);
            foreach (var registered in _registry.Current.Instances.Where(instance => instance.Status == "UP"))
            {
                if (!Instance.IsUsable(registered))
                {
                    Log.Skipped(_logger, registered.Id);
                    continue;
                }
                var key = Key(registered.Id, registered.Address);
                var before = known.GetValueOrDefault(key);
                // Who has registered again is not the one that failed: he says himself that he is there, and nobody waits to find out.
                if (before?.RegisteredAt != registered.RegisteredAt) before = null;
                // Metadata is what an operator changes to shift traffic; how the instance has fared stays true.
                var instance = before is not null && Same(before.Metadata, registered.Metadata)
                    ? before
                    : known[key] = new Instance(registered.Id, registered.Address, registered.Metadata, before?.Standing, registered.RegisteredAt);
                foreach (var name in registered.Names.Distinct(StringComparer.OrdinalIgnoreCase))
                {
                    if (!lists.TryGetValue(name, out var list)) lists[name] = list = [];
                    list.Add(instance);
                }
            }
            var services = lists.ToFrozenDictionary(pair => pair.Key, pair => old.GetValueOrDefault(pair.Key) ?? new Service(pair.Key), StringComparer.OrdinalIgnoreCase);
            foreach (var (name, list) in lists) Select(services[name], [.. list]);
            _services = services;
            foreach (var service in old.Keys.Where(service => !services.ContainsKey(service))) Log.Changed(_logger, service, 0);
        }
    }

    /// <summary>The instance has been ejected or is back.</summary>
    public void Refresh(Instance instance)
    {
        foreach (var service in _services.Values)
        {
            if (service.Selection.All.Any(one => one.Standing == instance.Standing)) Select(service, null);
        }
    }

    private void Select(Service service, Instance[]? instances)
    {
        var old = service.Select(instances, _mesh.Value.Registry.Metadata.GetValueOrDefault("zone"));
        var now = service.Selection;
        if (!old.All.SequenceEqual(now.All)) Log.Changed(_logger, service.Name, now.All.Length);
        if (now.IsOpen && !old.IsOpen) Log.Open(_logger, service.Name);
        else if (old.IsOpen && !now.IsOpen) Log.Closed(_logger, service.Name);
    }

    private void Tick()
    {
        foreach (var service in _services.Values) service.Tick();
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

        [LoggerMessage(EventIds.BreakerOpen, LogLevel.Error, "No instance of {Service} can be reached or answers; requests are refused at once but for those that find out when one is back")]
        public static partial void Open(ILogger logger, string service);

        [LoggerMessage(EventIds.BreakerClosed, LogLevel.Information, "An instance of {Service} answers again")]
        public static partial void Closed(ILogger logger, string service);
    }
}
