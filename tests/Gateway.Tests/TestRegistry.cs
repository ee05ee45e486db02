using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Tests;

/// <summary>A registry that says what the test says.</summary>
internal sealed class TestRegistry : IServiceRegistry
{
    private ConfigurationReloadToken _changed = new();

    private RegistrySnapshot _current = new([], null);
    private int _broken;
    private int _breakNext;

    public RegistrySnapshot Current
    {
        get => Interlocked.Decrement(ref _broken) < 0 ? _current : throw new NotSupportedException("broken on purpose");
        private set => _current = value;
    }

    public IChangeToken Watch() => _changed;

    /// <summary>The next reader after the next change gets an exception.</summary>
    public void Break(int readers) => _breakNext = readers;

    public void Add(string service, Backend backend, string status = "UP", params (string Name, string Value)[] metadata) =>
        Set([.. Current.Instances, new ServiceInstance(backend.Url.Authority, service.ToUpperInvariant(), [service], status, backend.Url, metadata.ToDictionary(entry => entry.Name, entry => entry.Value))]);

    /// <summary>The instance says something else about itself.</summary>
    public void Change(Backend backend, params (string Name, string Value)[] metadata) => Set([.. Current.Instances.Select(instance =>
        instance.Address == backend.Url ? instance with { Metadata = metadata.ToDictionary(entry => entry.Name, entry => entry.Value) } : instance)]);

    /// <summary>It registers again, as a program does that has started anew.</summary>
    public void Register(Backend backend, long at) => Set([.. Current.Instances.Select(instance => instance.Address == backend.Url ? instance with { RegisteredAt = at } : instance)]);

    public void Remove(Backend backend) => Set([.. Current.Instances.Where(instance => instance.Address != backend.Url)]);

    public void Set(IReadOnlyList<ServiceInstance> instances)
    {
        Current = new RegistrySnapshot(instances, DateTimeOffset.UtcNow);
        Volatile.Write(ref _broken, Interlocked.Exchange(ref _breakNext, 0));
        Interlocked.Exchange(ref _changed, new()).OnReload();
    }
}

/// <summary>Settings that a test changes while the gateway runs, as the configuration server's push does.</summary>
internal sealed class LiveSettings : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    private bool _broken;

    /// <summary>True: whoever lists the routes gets an exception.</summary>
    public void Break(bool broken) => _broken = broken;

    public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) =>
        _broken && parentPath == "gateway:routes" ? throw new NotSupportedException("broken on purpose") : base.GetChildKeys(earlierKeys, parentPath);

    public void Change(params (string Key, string? Value)[] settings)
    {
        var data = new Dictionary<string, string?>(Data, StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in settings)
        {
            if (value is null) data.Remove(key);
            else data[key] = value;
        }
        Data = data;
        OnReload();
    }
}
