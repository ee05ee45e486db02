using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Inspection;

internal static class InspectionSlice
{
    public static WebApplicationBuilder AddInspection(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<InspectionOptions, InspectionOptionsValidator>("auth:inspection");
        builder.Services.AddTokenForm<OpaqueForm>().AddTokenForm<JwtForm>();
        builder.Services.AddSingleton<TokenCache>();
        builder.Services.AddSingleton<TokenVerifier>();
        builder.Services.AddSingleton<BearerAuthentication>();
        builder.Services.AddSingleton<RefreshInspection>();
        builder.Services.AddSingleton<InspectionEndpoint>();
        builder.Services.AddSingleton<UserInfoEndpoint>();
        builder.Services.AddSingleton<IMetadata>(services => services.GetRequiredService<UserInfoEndpoint>());
        builder.Services.AddSingleton<CurrentUserEndpoint>();
        return builder;
    }

    public static IServiceCollection AddTokenForm<T>(this IServiceCollection services) where T : class, ITokenForm
    {
        services.TryAddSingleton<T>();
        return services.AddSingleton<ITokenForm>(provider => provider.GetRequiredService<T>());
    }

    public static IEndpointRouteBuilder MapInspection(this IEndpointRouteBuilder routes)
    {
        var inspection = routes.ServiceProvider.GetRequiredService<InspectionEndpoint>();
        var userInfo = routes.ServiceProvider.GetRequiredService<UserInfoEndpoint>();
        var current = routes.ServiceProvider.GetRequiredService<CurrentUserEndpoint>();
        routes.MapUaa("/uaa/check_token", ("POST", inspection.CheckTokenAsync));
        routes.MapUaa("/uaa/introspect", ("POST", inspection.IntrospectAsync));
        routes.MapUaa("/uaa/userinfo", ("GET", userInfo.HandleAsync), ("POST", userInfo.HandleAsync)).AllowRegisteredOrigins();
        routes.MapUaa("/uaa/users/current", ("GET", current.HandleAsync));
        return routes;
    }
}
