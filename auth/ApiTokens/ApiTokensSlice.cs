using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.ApiTokens;

internal static class ApiTokensSlice
{
    public static WebApplicationBuilder AddApiTokens(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<ApiTokenOptions, ApiTokenOptionsValidator>("auth:apiTokens");
        builder.Services.AddTokenForm<ApiTokenForm>();
        builder.Services.AddSingleton<ApiTokenUses>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ApiTokenUses>());
        builder.Services.AddSingleton<ApiTokensEndpoint>();
        builder.Services.AddSingleton<ReportEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapApiTokens(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<ApiTokensEndpoint>();
        routes.MapUaa("/uaa/api-tokens", ("GET", endpoint.ListAsync), ("POST", endpoint.CreateAsync));
        routes.MapUaa("/uaa/api-tokens/report", ("POST", routes.ServiceProvider.GetRequiredService<ReportEndpoint>().HandleAsync));
        routes.MapUaa("/uaa/api-tokens/{id}", ("DELETE", endpoint.DeleteAsync));
        return routes;
    }
}
