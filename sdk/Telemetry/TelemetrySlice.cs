using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace SecureMesh.Sdk;

/// <summary>Traces and metrics by OpenTelemetry.</summary>
internal static class TelemetrySlice
{
    public static void AddTelemetry(this WebApplicationBuilder builder) => builder.Services.AddHostedService<TelemetryExport>();
}
