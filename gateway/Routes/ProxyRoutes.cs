using System.Text.Json;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;

namespace SecureMesh.Gateway.Routes;

/// <summary>Our routes and the registry's instances as the proxy wants them.</summary>
internal static class ProxyRoutes
{
    private const string Key = "route";

    public static string Text(Route route) => JsonSerializer.Serialize(route, RouteJson.Default.Route);

    public static RouteConfig ToProxy(Route route) => new()
    {
        RouteId = route.Id,
        ClusterId = route.Service,
        Match = new() { Path = route.Path, Methods = route.Methods.Count == 0 ? null : route.Methods },
        Metadata = new Dictionary<string, string> { [Key] = Text(route) },
    };

    /// <summary>The route that a proxy route was made from.</summary>
    public static Route FromProxy(RouteConfig config) =>
        JsonSerializer.Deserialize(config.Metadata![Key], RouteJson.Default.Route)
        ?? throw new InvalidOperationException($"The proxy route {config.RouteId} carries no route.");

    /// <summary>A cluster for each service of the table; one without instances stays, and answers 503.</summary>
    public static IReadOnlyList<ClusterConfig> ToClusters(IReadOnlyList<Route> routes, RegistrySnapshot registry, TimeSpan idle) =>
    [
        .. routes.GroupBy(route => route.Service).OrderBy(service => service.Key, StringComparer.Ordinal).Select(service => new ClusterConfig
        {
            ClusterId = service.Key,
            Destinations = Destinations(registry.Up(service.Key)),
            LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
            HealthCheck = new()
            {
                AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
                // Retries marks what refused a connection; no policy of the proxy's own judges beside it.
                Passive = new() { Enabled = true },
            },
            HttpRequest = new ForwarderRequestConfig
            {
                // Silence after the response headers. Before them the route's own, shorter time counts.
                ActivityTimeout = service.Max(route => route.Timeout) is var longest && longest > idle ? longest + TimeSpan.FromSeconds(1) : idle,
                Version = System.Net.HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            },
            // Header bytes pass as they came; the default would refuse a service's answer with anything beside ASCII.
            HttpClient = new() { RequestHeaderEncoding = "latin1", ResponseHeaderEncoding = "latin1" },
        }),
    ];

    /// <summary>The address is part of the key, so that an instance that came back on another port begins without a history.</summary>
    private static Dictionary<string, DestinationConfig> Destinations(IEnumerable<ServiceInstance> instances)
    {
        var destinations = new Dictionary<string, DestinationConfig>(StringComparer.OrdinalIgnoreCase);
        foreach (var instance in instances.Where(IsUsable))
            destinations[instance.Id + " " + instance.Address.AbsoluteUri] = new DestinationConfig { Address = instance.Address.AbsoluteUri };
        return destinations;
    }

    /// <summary>One bad registration must not cost the others their place: the proxy refuses a configuration as a whole.</summary>
    public static bool IsUsable(ServiceInstance instance) =>
        instance.Address is { IsAbsoluteUri: true, Host.Length: > 0 } address && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps);
}
