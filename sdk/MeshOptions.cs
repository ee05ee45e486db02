namespace SecureMesh.Sdk;

/// <summary>What a service needs to know to join the mesh; section <c>mesh</c> of its configuration.</summary>
/// <remarks>
/// The secrets, the data folder and the address of the configuration server come from the environment
/// (<c>MESH__SECRET</c>, <c>MESH__CONFIG__URL</c>, …), all else from the configuration server.
/// </remarks>
public sealed class MeshOptions
{
    /// <summary>The wire name: lower case letters, digits and hyphens, for example <c>account-service</c>.</summary>
    public string Name { get; set; } = "";

    /// <summary>The service's own secret at the configuration server and the registry (HTTP Basic, user name = wire name).</summary>
    public string? Secret { get; set; }

    /// <summary>The OAuth client secret at the token service; the client id is the wire name (RFC 6749 §2.3.1).</summary>
    public string? ClientSecret { get; set; }

    /// <summary>The issuer of access tokens, compared byte for byte with <c>iss</c> (RFC 9068 §4).</summary>
    public string Issuer { get; set; } = "http://localhost:8080/uaa/oauth/token";

    /// <summary>Absolute path of the folder this service may write to; empty when it keeps nothing.</summary>
    public string Data { get; set; } = "";

    /// <summary>True when demo identities and open reading are allowed; never in production.</summary>
    public bool Demo { get; set; }

    /// <summary>PostgreSQL connection string of this service's own role and schema; null means SQLite in <see cref="Data"/>.</summary>
    public string? Database { get; set; }

    /// <summary>Where the token service is asked for keys and tokens.</summary>
    public AuthAddressOptions Auth { get; set; } = new();

    /// <summary>The gateway, whose passports this service takes.</summary>
    public GatewayAddressOptions Gateway { get; set; } = new();

    /// <summary>
    /// True: access tokens with <c>mesh://gateway</c> in <c>aud</c> are good here as well, which a service needs behind a route
    /// with <c>relay: passthrough</c>. Every service that such a token reaches can use it at every other one that takes it.
    /// </summary>
    public bool AcceptGatewayAudience { get; set; }

    /// <summary>How revoked tokens are told from others.</summary>
    public RevocationClientOptions Revocations { get; set; } = new();

    /// <summary>The configuration client.</summary>
    public ConfigClientOptions Config { get; set; } = new();

    /// <summary>The registry client.</summary>
    public RegistryClientOptions Registry { get; set; } = new();

    /// <summary>The health endpoint.</summary>
    public HealthOptions Health { get; set; } = new();

    /// <summary>
    /// Takes the caller's address and scheme from <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> when the sender is
    /// on loopback or in <see cref="TrustedProxies"/>. Switch it off in whatever faces the outside.
    /// </summary>
    public bool TrustForwardedHeaders { get; set; } = true;

    /// <summary>Networks (<c>10.0.0.0/8</c>) or addresses beside loopback whose forwarding headers are believed, separated by commas.</summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>Largest request body in bytes that this service takes, 1 MiB unless set; a larger one is answered with 413.</summary>
    public long MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// Access lines of successful requests written in a second, 200 unless set, 0 to 1,000,000; the others are counted in one
    /// line a second. Refused and failed requests are written always.
    /// </summary>
    public int LoggedSuccessesPerSecond { get; set; } = 200;

    /// <summary>
    /// False: no activity is started for each request while nobody listens to them; the trace id is read from
    /// <c>traceparent</c>, or drawn, all the same. For services through which everything goes.
    /// </summary>
    public bool TraceEveryRequest { get; set; } = true;

    /// <summary>What is kept of refused requests, for <c>mesh why</c>.</summary>
    public ExplainOptions Explain { get; set; } = new();

    /// <summary>The audience that names this service in <c>aud</c> and <c>resource</c>: <c>mesh://</c> + wire name.</summary>
    public string Audience => "mesh://" + Name;
}

/// <summary>Why this service refused, for administrators.</summary>
public sealed class ExplainOptions
{
    /// <summary>How many refusals are kept in memory, a few KiB each at most: 0 to 100000. Read at the start.</summary>
    public int Kept { get; set; } = 1024;

    /// <summary>False: <c>/actuator/why/{id}</c> is not served by the SDK but by the service itself, or by nobody.</summary>
    public bool Serve { get; set; } = true;
}

/// <summary>What <c>GET /actuator/health</c> tells.</summary>
public sealed class HealthOptions
{
    /// <summary>True: everybody sees the components; false: only the status.</summary>
    public bool Details { get; set; } = true;

    /// <summary>With <see cref="Details"/> false, callers who hold this scope see the components nevertheless; null = nobody.</summary>
    public string? DetailsScope { get; set; }
}

/// <summary>The gateway.</summary>
public sealed class GatewayAddressOptions
{
    /// <summary>Its public base URL: what its passports say in <c>iss</c>, compared byte for byte, apart from a final slash here.</summary>
    public string Url { get; set; } = "http://localhost:8080";
}

/// <summary>Address of the token service. Trust never comes from the registry, so it is configured.</summary>
public sealed class AuthAddressOptions
{
    /// <summary>Base URLs without the <c>/uaa</c> prefix, separated by commas; tried in order.</summary>
    public string Url { get; set; } = "http://localhost:8081";

    /// <summary>The single addresses, without a final slash.</summary>
    internal string[] Addresses() =>
        [.. Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(address => address.TrimEnd('/'))];
}

/// <summary>How a service asks the configuration server (Spring Cloud Config protocol).</summary>
public sealed class ConfigClientOptions
{
    /// <summary>False: the service lives from its own files and environment alone.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Base URL of the configuration server.</summary>
    public string Url { get; set; } = "http://localhost:8888";

    /// <summary>Profiles, separated by commas; the last one wins.</summary>
    public string Profile { get; set; } = "default";

    /// <summary>Label (branch, tag or folder); null is the server's default.</summary>
    public string? Label { get; set; }

    /// <summary>How long a start waits for the server before it uses the configuration kept from the last run, if there is one.</summary>
    public TimeSpan FallbackAfter { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>How a service registers and looks others up (Eureka protocol).</summary>
public sealed class RegistryClientOptions
{
    /// <summary>False: neither registers nor fetches.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>False: looks others up without registering itself.</summary>
    public bool Register { get; set; } = true;

    /// <summary>Eureka base URLs ending in <c>/eureka/</c>, separated by commas.</summary>
    public string Url { get; set; } = "http://localhost:8761/eureka/";

    /// <summary>Host name others reach this instance at.</summary>
    public string HostName { get; set; } = "127.0.0.1";

    /// <summary>Time between renewals.</summary>
    public TimeSpan RenewalInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time after the last renewal at which the lease ends.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Time between fetches when the server does not push.</summary>
    public TimeSpan FetchInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between deregistering and closing the listener, so that callers stop sending first.</summary>
    public TimeSpan Drain { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Entries of the instance's metadata map, visible to everyone who may read the registry.</summary>
    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);
}
