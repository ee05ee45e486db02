using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace SecureMesh.Sdk;

/// <summary>Health of the service and of what it depends on.</summary>
internal static class HealthSlice
{
    public static void AddHealth(this WebApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks().AddCheck<PublishedKeysHealth>("keys");
        builder.Services.TryAddSingleton<HealthEndpoint>();
    }
}
