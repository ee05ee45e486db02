using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Registry;

/// <summary>Leases, versions, self-preservation.</summary>
internal static class RegistrySlice
{
    public static void AddRegistry(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<RegistrySettings>();
        builder.Services.AddSingleton<IConfigurationCheck>(services => services.GetRequiredService<RegistrySettings>());
        builder.Services.AddSingleton<RegistryMetrics>();
        builder.Services.AddSingleton<LeaseRegistry>();
    }
}
