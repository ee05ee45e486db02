using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SecureMesh.Auth.Clients;

internal static class ClientsSlice
{
    public static WebApplicationBuilder AddClients(this WebApplicationBuilder builder)
    {
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IClientAuthentication, BasicAuthentication>());
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IClientAuthentication, FormAuthentication>());
        builder.Services.AddSingleton<KnownClients>();
        builder.Services.AddSingleton<ClientSecret>();
        builder.Services.AddSingleton<ClientAuthenticator>();
        return builder;
    }
}
