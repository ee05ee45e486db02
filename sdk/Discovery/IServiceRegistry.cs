using Microsoft.Extensions.Primitives;

namespace SecureMesh.Sdk;

/// <summary>The instances this service knows of, kept up to date in the background (Eureka protocol).</summary>
public interface IServiceRegistry
{
    /// <summary>The newest known state; never null, empty before the first fetch.</summary>
    RegistrySnapshot Current { get; }

    /// <summary>A token that fires once when <see cref="Current"/> has been replaced by a different state.</summary>
    IChangeToken Watch();
}

/// <summary>One consistent state of the registry.</summary>
/// <param name="Instances">All instances, of every status.</param>
/// <param name="FetchedAt">When the server last confirmed it; null before the first fetch.</param>
public sealed record RegistrySnapshot(IReadOnlyList<ServiceInstance> Instances, DateTimeOffset? FetchedAt)
{
    /// <summary>The instances of one service that take traffic (status UP), by VIP or application name, without case.</summary>
    /// <param name="service">Wire name, for example <c>account-service</c>.</param>
    public IEnumerable<ServiceInstance> Up(string service) => Instances.Where(instance =>
        instance.Status == "UP" && instance.Names.Contains(service, StringComparer.OrdinalIgnoreCase));
}

/// <summary>One running copy of a service.</summary>
/// <param name="Id">Instance id, unique within its application.</param>
/// <param name="Application">Application name, upper case.</param>
/// <param name="Names">VIP addresses and the application name.</param>
/// <param name="Status">UP, DOWN, STARTING, OUT_OF_SERVICE or UNKNOWN.</param>
/// <param name="Address">Scheme, host and port.</param>
/// <param name="Metadata">The instance's own entries.</param>
public sealed record ServiceInstance(
    string Id,
    string Application,
    IReadOnlyList<string> Names,
    string Status,
    Uri Address,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>When the registry took this registration in, Unix milliseconds: another one is another start. Null when it does not say.</summary>
    public long? RegisteredAt { get; init; }
}
