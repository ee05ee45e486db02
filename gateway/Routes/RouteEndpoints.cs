using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Forwarding;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Routes;

/// <summary>The route table as endpoints of the framework's router; replaced as a whole when the table is.</summary>
internal sealed class RouteEndpoints(RouteTable table, Passage passage) : EndpointDataSource
{
    private readonly Lock _gate = new();
    private IReadOnlyList<Route>? _routes;
    private IReadOnlyList<Endpoint> _endpoints = [];

    public override IReadOnlyList<Endpoint> Endpoints
    {
        get
        {
            lock (_gate)
            {
                var routes = table.Current;
                if (!ReferenceEquals(routes, _routes)) (_routes, _endpoints) = (routes, [.. routes.Select(Make)]);
                return _endpoints;
            }
        }
    }

    public override IChangeToken GetChangeToken() => table.Watch();

    private Endpoint Make(Route route)
    {
        var builder = new RouteEndpointBuilder(http => passage.HandleAsync(http, route), RoutePatternFactory.Parse(route.Path), order: 0) { DisplayName = route.Id };
        builder.Metadata.Add(route);
        // The framework need not judge, because the passage does, by the route alone. An error that the service answers without
        // a body stays without one.
        new Conventions(builder).AllowAnonymous().WithOwnErrors();
        // A WebSocket begins with a GET in HTTP/1.1 and with a CONNECT in HTTP/2 (RFC 8441 §4); no other CONNECT gets this far.
        if (route.Methods.Count > 0)
        {
            IEnumerable<string> methods = route.Methods.Contains("GET") ? [.. route.Methods, "CONNECT"] : route.Methods;
            builder.Metadata.Add(new HttpMethodMetadata(methods, acceptCorsPreflight: route.Cors is not null));
        }
        return builder.Build();
    }

    /// <summary>What the framework's extensions for endpoints want; they apply at once.</summary>
    private sealed class Conventions(EndpointBuilder builder) : IEndpointConventionBuilder
    {
        public void Add(Action<EndpointBuilder> convention) => convention(builder);
    }
}
