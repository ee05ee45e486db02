using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Passports;

internal static class PassportsSlice
{
    public static WebApplicationBuilder AddPassports(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<PassportOptions, PassportOptionsValidator>("auth:passports");
        builder.Services.AddSingleton<PassportKeysEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapPassports(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<PassportKeysEndpoint>();
        routes.MapUaa("/uaa/passport_keys", ("GET", endpoint.ListAsync), ("POST", endpoint.AnnounceAsync));
        routes.MapUaa("/uaa/passport_keys/{kid}", ("DELETE", endpoint.WithdrawAsync));
        return routes;
    }
}
