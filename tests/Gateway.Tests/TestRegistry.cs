using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Tests;

/// <summary>A registry that says what the test says.</summary>
internal sealed class TestRegistry : IServiceRegistry
{
    private ConfigurationReloadToken _changed = new();

    public RegistrySnapshot Current { get; private set; } = new([], null);

    public IChangeToken Watch() => _changed;

    public void Add(string service, Backend backend, string status = "UP") =>
        Set([.. Current.Instances, new ServiceInstance(backend.Url.Authority, service.ToUpperInvariant(), [service], status, backend.Url, new Dictionary<string, string>())]);

    public void Remove(Backend backend) => Set([.. Current.Instances.Where(instance => instance.Address != backend.Url)]);

    public void Set(IReadOnlyList<ServiceInstance> instances)
    {
        Current = new RegistrySnapshot(instances, DateTimeOffset.UtcNow);
        Interlocked.Exchange(ref _changed, new()).OnReload();
    }
}

/// <summary>Settings that a test changes while the gateway runs, as the configuration server's push does.</summary>
internal sealed class LiveSettings : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

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
