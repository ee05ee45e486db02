using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token.Device;

namespace SecureMesh.Auth.Metadata;

internal static class MetadataSlice
{
    public static WebApplicationBuilder AddMetadata(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<MetadataEndpoint>();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IMetadata, DeviceMetadata>());
        return builder;
    }

    public static IEndpointRouteBuilder MapMetadata(this IEndpointRouteBuilder routes)
    {
        var endpoint = routes.ServiceProvider.GetRequiredService<MetadataEndpoint>();
        routes.MapUaa("/uaa/.well-known/openid-configuration", ("GET", endpoint.HandleAsync));
        routes.MapUaa("/uaa/oauth/token/.well-known/openid-configuration", ("GET", endpoint.HandleAsync));
        // RFC 8414 §3.1 puts the words between host and path of the issuer.
        routes.MapUaa("/.well-known/oauth-authorization-server/uaa/oauth/token", ("GET", endpoint.HandleAsync));
        return routes;
    }
}
