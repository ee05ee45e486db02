using System.Collections.Frozen;
using System.Text.Json.Serialization;
using SecureMesh.Gateway.Limits;

namespace SecureMesh.Gateway.Routes;

/// <summary>One line of the route table: which requests, for whom, to which service.</summary>
/// <remarks>
/// The proxy's own route carries this record as JSON, so that its endpoint and its policy are always of one table, and a
/// change of the policy alone rebuilds the endpoint.
/// </remarks>
internal sealed record Route(string Id, string Path, string Service)
{
    /// <summary>Kestrel's own default is about as much; more is granted per route.</summary>
    public const long DefaultMaxBodyBytes = 1024 * 1024;

    /// <summary>HTTP methods, upper case; empty means all.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>True: the gateway asks for no credential and the service judges. Never inferred from an empty list of scopes.</summary>
    public bool Public { get; init; }

    /// <summary>The caller's token must hold one of these.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>Longest silence until the service's response headers.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Request headers that are passed on beside the usual ones.</summary>
    public IReadOnlyList<string> Relay { get; init; } = [];

    /// <summary>Whether cookies pass in both directions.</summary>
    public bool Cookies { get; init; }

    /// <summary>Requests of one caller's address; null means no limit.</summary>
    public RateLimit? PerAddress { get; init; }

    /// <summary>Largest request body.</summary>
    public long MaxBodyBytes { get; init; } = DefaultMaxBodyBytes;

    /// <summary>What of the caller's headers reaches the service beside the usual ones.</summary>
    [JsonIgnore]
    public FrozenSet<string> Relayed => field ??= RelayedHeaders();

    private FrozenSet<string> RelayedHeaders()
    {
        IEnumerable<string> names = Relay;
        if (!Public) names = names.Append("Authorization"); // the caller's token, until services take passports
        if (Cookies) names = names.Append("Cookie");
        return names.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }
}

[JsonSerializable(typeof(Route))]
internal sealed partial class RouteJson : JsonSerializerContext;
