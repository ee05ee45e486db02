using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Logout;

internal static class LogoutSlice
{
    public static WebApplicationBuilder AddLogout(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LogoutRequests>();
        builder.Services.AddSingleton<LogoutTokens>();
        builder.Services.AddSingleton<LogoutEndpoint>();
        builder.Services.AddHostedService<BackChannelLogout>();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IMetadata, LogoutMetadata>());
        return builder;
    }

    public static IEndpointRouteBuilder MapLogout(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<LogoutEndpoint>();
        routes.MapUaa(Addresses.SignOut, ("GET", endpoint.GetAsync), ("POST", endpoint.PostAsync));
        routes.MapUaa(Addresses.SignedOut, ("GET", LogoutEndpoint.SignedOutAsync));
        return routes;
    }
}
