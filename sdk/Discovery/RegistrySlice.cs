using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>The registry client: this service's own lease, and the instances of the others.</summary>
internal static class RegistrySlice
{
    public static WebApplicationBuilder AddRegistryClient(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ServiceRegistry>();
        builder.Services.AddSingleton<IServiceRegistry>(services => services.GetRequiredService<ServiceRegistry>());
        if (!builder.Configuration.GetValue("mesh:registry:enabled", true)) return builder;
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MeshOptions>, RegistryOptionsValidator>());
        builder.Services.AddSingleton(services => new RegistryConnection(services.GetRequiredService<IOptions<MeshOptions>>().Value));
        builder.Services.AddSingleton<Registrar>();
        builder.Services.AddSingleton<RegistryFetcher>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Registrar>());
        builder.Services.AddHostedService(services => services.GetRequiredService<RegistryFetcher>());
        builder.Services.AddHealthChecks().AddCheck<RegistryHealth>("registry");
        return builder;
    }
}
