using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Cors;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Limits;
using SecureMesh.Gateway.Passport;

namespace SecureMesh.Gateway.Routes;

/// <summary>One line of the route table: which requests, for whom, to which service.</summary>
internal sealed record Route(string Id, string Path, string Service)
{
    /// <summary>Kestrel's own default is about as much; more is granted per route.</summary>
    public const long DefaultMaxBodyBytes = 1024 * 1024;

    /// <summary>HTTP methods, upper case; empty means all.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>True: the gateway asks for no credential and the service judges. Never inferred from an empty list of scopes.</summary>
    public bool Public { get; init; }

    /// <summary>The kinds of credentials that open the route.</summary>
    public IReadOnlyList<CredentialKind> Credentials { get; init; } = CredentialKinds.OfTokens;

    /// <summary>Who may, once it is known who he is.</summary>
    public RoutePolicy Policy { get; init; } = new();

    /// <summary>True: auth is asked about the credential at every request.</summary>
    public bool Online { get; init; }

    /// <summary>What happens while the revocation feed is cut.</summary>
    public WhenFeedIsCut Revocation { get; init; } = WhenFeedIsCut.Open;

    /// <summary>How long the feed may be silent before a critical route refuses.</summary>
    public TimeSpan CriticalAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>What the service gets in place of the caller's credential.</summary>
    public RelayMode Relay { get; init; } = RelayMode.Passport;

    /// <summary>Longest silence until the service's response headers.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Request headers that are passed on beside the usual ones.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>Whether cookies pass in both directions.</summary>
    public bool Cookies { get; init; }

    /// <summary>True: what a browser shows of the service's answers is none of the gateway's origin, to which sign-in and sessions belong.</summary>
    public bool Sandbox { get; init; } = true;

    /// <summary>Which pages of other origins may use the route; null: none.</summary>
    public CorsPolicy? Cors { get; init; }

    /// <summary>How many requests whoever may make.</summary>
    public RouteLimits Limits { get; init; } = new();

    /// <summary>Largest request body.</summary>
    public long MaxBodyBytes { get; init; } = DefaultMaxBodyBytes;

    /// <summary>How often a request may be sent to another instance.</summary>
    public int Retries { get; init; } = 2;

    /// <summary>Metadata by name that an instance must have; empty lets all instances share the traffic.</summary>
    public IReadOnlyDictionary<string, string> Instances { get; init; } = new Dictionary<string, string>();

    /// <summary>What holds for all routes to its service.</summary>
    public ServiceSettings Settings { get; init; } = ServiceSettings.Default;

    /// <summary>Null when every instance will do.</summary>
    [JsonIgnore]
    public InstancePins? Pins => Instances.Count == 0 ? null : field ??= new InstancePins(Instances);

    /// <summary>What of the caller's headers reaches the service beside the usual ones.</summary>
    [JsonIgnore]
    public FrozenSet<string> Relayed => field ??= RelayedHeaders();

    /// <summary>For whom passports are made.</summary>
    [JsonIgnore]
    public PassportProfile Passport => field ??= new PassportProfile(
        Service, string.Join(' ', Policy.AnyScope.Concat(Policy.AllScopes).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)));

    /// <summary>Equal for routes that are equal in everything.</summary>
    public string Text() => JsonSerializer.Serialize(this, RouteJson.Default.Route);

    private FrozenSet<string> RelayedHeaders()
    {
        IEnumerable<string> names = Headers;
        // Where the gateway has judged a credential it writes this header itself.
        if (!Public) names = names.Where(name => !name.Equals("Authorization", StringComparison.OrdinalIgnoreCase));
        if (Cookies) names = names.Append("Cookie");
        return names.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }
}

/// <summary>What the service gets in place of the caller's credential.</summary>
internal enum RelayMode
{
    /// <summary>A passport: signed by this gateway, for this service alone, for a minute.</summary>
    Passport,

    /// <summary>The caller's own credential.</summary>
    Passthrough,

    /// <summary>A token of auth for this service alone, exchanged for the caller's (RFC 8693).</summary>
    Exchange,
}

/// <summary>What a route does while nobody can say what was revoked.</summary>
internal enum WhenFeedIsCut
{
    /// <summary>Goes on: a revoked credential is good until it ends.</summary>
    Open,

    /// <summary>Asks auth about each credential, and remembers the answer for a moment.</summary>
    Normal,

    /// <summary>Refuses, after a set time.</summary>
    Critical,
}

[JsonSerializable(typeof(Route))]
internal sealed partial class RouteJson : JsonSerializerContext;
