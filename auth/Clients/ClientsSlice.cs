using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Clients.Administration;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

internal static class ClientsSlice
{
    public static WebApplicationBuilder AddClients(this WebApplicationBuilder builder)
    {
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IClientAuthentication, BasicAuthentication>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IClientAuthentication, FormAuthentication>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IClientAuthentication, AssertionAuthentication>());
        builder.Services.AddSingleton<CertificateAuthentication>();
        builder.Services.AddSingleton<IMetadata>(services => services.GetRequiredService<CertificateAuthentication>());
        builder.Services.AddSingleton<ClientKeys>();
        builder.Services.AddSingleton<IAllowedOrigins, PublicOrigins>();
        builder.AddTlsListener();
        builder.Services.AddSingleton<KnownClients>();
        builder.Services.AddSingleton<ClientSecret>();
        builder.Services.AddSingleton<ClientAuthenticator>();

        builder.AddCurrentOptions<ClientsOptions, ClientsOptionsValidator>("auth:clients");
        builder.Services.AddSingleton<ClientRules>();
        builder.Services.AddSingleton<ClientSecrets>();
        builder.Services.AddSingleton<ClientsEndpoint>();
        builder.Services.AddSingleton<ClientSecretEndpoint>();
        builder.Services.AddSingleton<ClientKeysEndpoint>();
        builder.Services.AddSingleton<ClientMetaEndpoint>();
        return builder;
    }

    public static IEndpointRouteBuilder MapClients(this IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        var clients = services.GetRequiredService<ClientsEndpoint>();
        var secret = services.GetRequiredService<ClientSecretEndpoint>();
        var keys = services.GetRequiredService<ClientKeysEndpoint>();
        var meta = services.GetRequiredService<ClientMetaEndpoint>();
        routes.MapUaa("/uaa/oauth/clients", ("GET", clients.ListAsync), ("POST", clients.CreateAsync));
        routes.MapUaa("/uaa/oauth/clients/meta", ("GET", meta.ListAsync));
        routes.MapUaa("/uaa/oauth/clients/{id}", ("GET", clients.GetAsync), ("PUT", clients.UpdateAsync), ("DELETE", clients.DeleteAsync));
        routes.MapUaa("/uaa/oauth/clients/{id}/secret", ("PUT", secret.HandleAsync));
        routes.MapUaa("/uaa/oauth/clients/{id}/clientjwt", ("PUT", keys.HandleAsync));
        routes.MapUaa("/uaa/oauth/clients/{id}/meta", ("GET", meta.GetAsync), ("PUT", meta.PutAsync));
        return routes;
    }
}
