using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Routes;

/// <summary>Which requests go where, and for whom: the routes of the configuration.</summary>
internal static class RoutesSlice
{
    private static readonly Refusal _nothing =
        new(new Problem(404, "not_found", "Nothing is found at this address") { Reason = Reasons.NotFound }, "no route has this path and method");

    public static void AddRoutes(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<RouteTable>();
        builder.Services.AddSingleton<IConfigurationCheck>(services => services.GetRequiredService<RouteTable>());
        builder.Services.AddSingleton<RouteEndpoints>();
        builder.Services.AddHealthChecks().AddCheck<RouteHealth>("routes");
    }

    public static void MapRoutes(this IEndpointRouteBuilder app)
    {
        app.DataSources.Add(app.ServiceProvider.GetRequiredService<RouteEndpoints>());
        // For every method: which paths exist for another method is nobody's business.
        app.Map("/{**path}", (HttpContext http) => http.RefuseAsync(_nothing)).WithOrder(int.MaxValue).AllowAnonymous();
    }
}
