using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

internal static class AuthorizeSlice
{
    public static WebApplicationBuilder AddAuthorize(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        builder.AddCurrentOptions<AuthorizeOptions, AuthorizeOptionsValidator>("auth:authorize");
        services.AddSingleton<BegunRequests>();
        services.AddSingleton<IdTokenHints>();
        services.AddSingleton<AuthorizationRequests>();
        services.AddSingleton<AuthorizationTransactions>();
        services.AddSingleton<IAuthorizationTransactions>(provider => provider.GetRequiredService<AuthorizationTransactions>());
        services.AddSingleton<AuthorizationAnswers>();
        services.AddSingleton<AuthorizationFlow>();
        services.AddSingleton<DirectAuthorization>();
        services.AddSingleton<AuthorizeEndpoint>();
        services.AddSingleton<PushedRequestEndpoint>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IMetadata, AuthorizeMetadata>());
        return builder;
    }

    public static IEndpointRouteBuilder MapAuthorize(this IEndpointRouteBuilder routes)
    {
        var authorize = routes.ServiceProvider.GetRequiredService<AuthorizeEndpoint>();
        var pushed = routes.ServiceProvider.GetRequiredService<PushedRequestEndpoint>();
        routes.MapUaa("/uaa/oauth/authorize", ("GET", authorize.HandleAsync), ("POST", authorize.HandleAsync));
        routes.MapUaa("/uaa/oauth/authorize/resume", ("GET", authorize.ResumeAsync));
        routes.MapUaa("/uaa/oauth/par", ("POST", pushed.HandleAsync));
        return routes;
    }
}
