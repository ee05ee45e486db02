using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>One running copy of a service as this gateway knows it: where it is, and how it has fared here.</summary>
/// <remarks>The object lives as long as the registry lists the same id at the same address, so that a list of changed neighbours forgets nothing.</remarks>
internal sealed class Instance(string id, Uri address, IReadOnlyDictionary<string, string> metadata)
{
    private int _inFlight;
    private long _avoidUntil;

    public string Id => id;

    public Uri Address => address;

    /// <summary>What a request's path is put behind.</summary>
    public string Prefix { get; } = address.AbsoluteUri.TrimEnd('/');

    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Requests that it has not answered yet.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public void Begin() => Interlocked.Increment(ref _inFlight);

    public void End() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Sends it nothing for a while, as long as another one is there.</summary>
    public void Avoid(long untilMilliseconds) => Volatile.Write(ref _avoidUntil, untilMilliseconds);

    public bool IsAvoided(long nowMilliseconds) => Volatile.Read(ref _avoidUntil) > nowMilliseconds;

    /// <summary>One bad registration must not cost the others their place.</summary>
    public static bool IsUsable(ServiceInstance instance) =>
        instance.Address is { IsAbsoluteUri: true, Host.Length: > 0 } address && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps);
}
