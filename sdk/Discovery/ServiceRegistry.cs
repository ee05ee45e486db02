using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Sdk;

/// <summary>What the registry says, what it said until it was restarted, and what is listed in the configuration.</summary>
internal sealed partial class ServiceRegistry : IServiceRegistry, IDisposable
{
    private readonly Lock _gate = new();
    private readonly IConfiguration _configuration;
    private readonly TimeProvider _time;
    private readonly ILogger<ServiceRegistry> _log;
    private readonly ITimer _expiry;
    private readonly IDisposable _reload;
    private readonly Dictionary<(string App, string Id), (EurekaInstance Instance, TimeSpan Until)> _retained = [];
    private readonly HashSet<(string App, string Id)> _skipped = [];
    private Dictionary<(string App, string Id), EurekaInstance> _served = [];
    private CancellationTokenSource _changed = new();
    private volatile RegistrySnapshot _current = new([], null);

    public ServiceRegistry(IConfiguration configuration, TimeProvider time, ILogger<ServiceRegistry> log)
    {
        (_configuration, _time, _log) = (configuration, time, log);
        _expiry = time.CreateTimer(_ => Expire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _reload = ChangeToken.OnChange(configuration.GetReloadToken, () => Publish(confirmed: false));
        Publish(confirmed: false);
    }

    public RegistrySnapshot Current => _current;

    public IChangeToken Watch() => new CancellationChangeToken(Volatile.Read(ref _changed).Token);

    /// <summary>Of a clock that nobody sets: one that is set back would keep those that are gone.</summary>
    private TimeSpan Uptime => _time.GetElapsedTime(0);

    /// <summary>How many instances the server lists.</summary>
    public int Served
    {
        get { lock (_gate) return _served.Count; }
    }

    /// <summary>True when the server lists the instance.</summary>
    public bool Lists(string app, string id)
    {
        lock (_gate) return _served.ContainsKey((app.ToUpperInvariant(), id));
    }

    /// <summary>Takes a full answer.</summary>
    /// <param name="all">Every instance the server lists.</param>
    /// <param name="keepMissing">How long instances missing from it are kept, because the server may have forgotten them; null when it is to be believed.</param>
    public void Replace(IReadOnlyList<EurekaInstance> all, TimeSpan? keepMissing)
    {
        lock (_gate)
        {
            var served = new Dictionary<(string, string), EurekaInstance>();
            foreach (var instance in all) served[instance.Key] = instance;
            var missing = keepMissing is null ? [] : _served.Values.Where(instance => !served.ContainsKey(instance.Key)).ToArray();
            foreach (var instance in missing) _retained[instance.Key] = (instance, Uptime + keepMissing!.Value);
            if (missing.Length > 0) Log.Retained(_log, missing.Length, keepMissing!.Value);
            _served = served;
        }
        Publish(confirmed: true);
    }

    /// <summary>Takes a delta, in its order.</summary>
    /// <returns>The hash over everything now listed; differs from the server's when a delta was missed.</returns>
    public string Apply(IReadOnlyList<EurekaInstance> delta)
    {
        string hash;
        lock (_gate)
        {
            foreach (var instance in delta)
            {
                if (instance.ActionType == "DELETED") _served.Remove(instance.Key);
                else _served[instance.Key] = instance;
            }
            hash = EurekaInstance.Hash(_served.Values);
        }
        Publish(confirmed: true);
        return hash;
    }

    /// <summary>The server said that nothing changed.</summary>
    public void Confirm() => Publish(confirmed: true);

    /// <summary>A timer has no caller: what it throws would end the process.</summary>
    private void Expire()
    {
        try
        {
            Publish(confirmed: false);
        }
        catch (Exception e)
        {
            Log.ExpiryFailed(_log, e);
            _expiry.Change(TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void Publish(bool confirmed)
    {
        lock (_gate)
        {
            var now = Uptime;
            foreach (var (key, kept) in _retained.ToArray())
            {
                if (kept.Until <= now || _served.ContainsKey(key)) _retained.Remove(key);
            }
            if (_retained.Count > 0) _expiry.Change(_retained.Values.Min(kept => kept.Until) - now, Timeout.InfiniteTimeSpan);

            var instances = Instances();
            var fetchedAt = confirmed ? _time.GetUtcNow() : _current.FetchedAt;
            var same = instances.SequenceEqual(_current.Instances, SameInstance.Comparer);
            // The same list again when nothing changed: whoever compares by reference sees that too.
            _current = new RegistrySnapshot(same ? _current.Instances : instances, fetchedAt);
            if (same) return;
        }
        var changed = Interlocked.Exchange(ref _changed, new CancellationTokenSource());
        try
        {
            changed.Cancel();
        }
        // Whoever watches must not stop the fetching.
        catch (AggregateException e)
        {
            Log.ListenerFailed(_log, e);
        }
    }

    private List<ServiceInstance> Instances()
    {
        var instances = new List<ServiceInstance>(_served.Count);
        foreach (var eureka in _served.Values.Concat(_retained.Values.Select(kept => kept.Instance)).OrderBy(i => i.App, StringComparer.Ordinal).ThenBy(i => i.Id, StringComparer.Ordinal))
        {
            if (eureka.ToInstance() is { } instance) instances.Add(instance);
            else if (_skipped.Count < 1000 && _skipped.Add(eureka.Key)) Log.Skipped(_log, Printable(eureka.App), Printable(eureka.Id));
        }
        foreach (var service in _configuration.GetSection("mesh:registry:static").GetChildren())
        {
            foreach (var text in (service.Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
                    instances.Add(new ServiceInstance("static:" + url.Authority, service.Key.ToUpperInvariant(), [service.Key], "UP", new Uri(url.GetLeftPart(UriPartial.Authority)), new Dictionary<string, string>()));
                else if (_skipped.Add((service.Key, text))) Log.Skipped(_log, service.Key, "mesh:registry:static");
            }
        }
        return instances;
    }

    /// <summary>Names from the registry are strangers' text: no line breaks or other control characters in the log.</summary>
    private static string Printable(string text) => string.Concat(text.Take(100).Select(c => char.IsControl(c) ? '?' : c));

    public void Dispose()
    {
        _reload.Dispose();
        _expiry.Dispose();
        _changed.Dispose();
    }

    private sealed class SameInstance : IEqualityComparer<ServiceInstance>
    {
        public static readonly SameInstance Comparer = new();

        public bool Equals(ServiceInstance? a, ServiceInstance? b) =>
            a is not null && b is not null && a.Id == b.Id && a.Application == b.Application && a.Status == b.Status && a.Address == b.Address
            && a.RegisteredAt == b.RegisteredAt
            && a.Names.SequenceEqual(b.Names, StringComparer.Ordinal)
            && a.Metadata.Count == b.Metadata.Count && a.Metadata.All(entry => b.Metadata.TryGetValue(entry.Key, out var value) && value == entry.Value);

        public int GetHashCode(ServiceInstance instance) => HashCode.Combine(instance.Application, instance.Id);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.RegistryExpiryFailed, LogLevel.Error, "Instances kept for a while could not be let go; trying again")]
        public static partial void ExpiryFailed(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.RegistryInstanceSkipped, LogLevel.Warning, "Instance {Id} of {Application} is left out: it has no http or https address that could be called")]
        public static partial void Skipped(ILogger logger, string application, string id);

        [LoggerMessage(EventIds.RegistryRetained, LogLevel.Warning, "The registry started again or forgot {Count} instances: they are kept for {Time} so that they can come back")]
        public static partial void Retained(ILogger logger, int count, TimeSpan time);

        [LoggerMessage(EventIds.RegistryListener, LogLevel.Error, "A part of this service failed on a change of the registry")]
        public static partial void ListenerFailed(ILogger logger, Exception exception);
    }
}
