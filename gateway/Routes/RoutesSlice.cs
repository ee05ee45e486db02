using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace SecureMesh.Gateway.Routes;

/// <summary>Which requests go where: routes from the configuration, destinations from the registry.</summary>
internal static class RoutesSlice
{
    public static void AddRoutes(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptionsWithValidateOnStart<ForwardingOptions, ForwardingOptionsValidator>().BindConfiguration("gateway");
        builder.Services.AddSingleton<RouteTable>();
        builder.Services.AddSingleton(services => new InMemoryConfigProvider(
            [.. services.GetRequiredService<RouteTable>().Current.Select(ProxyRoutes.ToProxy)],
            ProxyRoutes.ToClusters(services.GetRequiredService<RouteTable>().Current, new RegistrySnapshot([], null), TimeSpan.FromMinutes(5))));
        builder.Services.AddSingleton<IProxyConfigProvider>(services => services.GetRequiredService<InMemoryConfigProvider>());
        builder.Services.AddHostedService<ProxyUpdates>();
        builder.Services.AddHealthChecks().AddCheck<RouteHealth>("routes");
        builder.Services.AddReverseProxy()
            .ConfigureHttpClient((_, handler) =>
            {
                handler.ConnectTimeout = TimeSpan.FromSeconds(2);
                handler.PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30); // below what services keep theirs open
            })
            .AddTransforms(AddTransforms);
        // The proxy writes each forwarded address with its query, which may hold secrets; Forwarding logs what matters.
        builder.Logging.AddFilter("Yarp.ReverseProxy", LogLevel.Warning).AddFilter("Yarp.ReverseProxy.Forwarder", LogLevel.None)
            .AddFilter("Yarp.ReverseProxy.LoadBalancing", LogLevel.None);
    }

    public static void MapRoutes(this IEndpointRouteBuilder app)
    {
        app.MapReverseProxy(proxy =>
        {
            proxy.UseMiddleware<Forwarding>();
            proxy.UseMiddleware<Retries>();
            proxy.UseLoadBalancing();
        }).ConfigureEndpoints((endpoint, config) =>
        {
            var route = ProxyRoutes.FromProxy(config);
            endpoint.WithMetadata(route);
            endpoint.WithOwnErrors(); // an error that the service answers without a body stays without one
            if (route.Public) endpoint.AllowAnonymous();
            else endpoint.RequireScope([.. route.Scopes]);
        });
        // For every method: which paths exist for another method is nobody's business.
        app.Map("/{**path}", (HttpContext http) => http.RefuseAsync(new Problem(404, "not_found", "Nothing is found at this address"))).WithOrder(int.MaxValue).AllowAnonymous();
    }

    private static void AddTransforms(TransformBuilderContext context)
    {
        var route = ProxyRoutes.FromProxy(context.Route);
        context.AddRequestTransform(request =>
        {
            // A request without content is repeated by the handler when an idle connection turns out to be closed;
            // an empty content forbids that, and a POST is never done twice.
            if (!Retries.IsIdempotent(request.ProxyRequest.Method.Method)) request.ProxyRequest.Content ??= new ByteArrayContent([]);
            return default;
        });
        context.AddResponseTransform(response =>
        {
            if (response.ProxyResponse is null) return default;
            response.HttpContext.Features.GetRequiredFeature<Exchange>().Answered();
            var headers = response.HttpContext.Response.Headers;
            if (!route.Cookies) headers.Remove("Set-Cookie");
            headers.Remove("Server");
            headers.Remove("X-Powered-By");
            return default;
        });
    }
}
