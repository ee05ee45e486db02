using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace SecureMesh.Sdk;

/// <summary>The OpenTelemetry providers over the framework's own sources and meters, and those of the mesh (<c>SecureMesh.*</c>).</summary>
internal sealed class TelemetryProviders(TracerProvider traces, MeterProvider metrics) : IDisposable
{
    public static TelemetryProviders Build(IConfiguration configuration, string name)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(name, serviceInstanceId: Entropy.HexId());
        // The exporters read their OTEL_* settings from the service's configuration, of which the environment is a part.
        var traces = OpenTelemetry.Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .SetResourceBuilder(resource)
            .AddSource("Microsoft.AspNetCore", "System.Net.Http", "SecureMesh.*")
            .AddOtlpExporter()
            .Build();
        var metrics = OpenTelemetry.Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .SetResourceBuilder(resource)
            .AddMeter(
                "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.Routing",
                "Microsoft.AspNetCore.Authentication", "Microsoft.AspNetCore.Authorization", "Microsoft.AspNetCore.RateLimiting",
                "System.Net.Http", "System.Net.NameResolution", "System.Runtime", "SecureMesh.*")
            .AddOtlpExporter()
            .Build();
        return new TelemetryProviders(traces!, metrics!);
    }

    public void Shutdown(TimeSpan limit)
    {
        var milliseconds = (int)limit.TotalMilliseconds;
        Parallel.Invoke(() => traces.Shutdown(milliseconds), () => metrics.Shutdown(milliseconds));
    }

    public void Dispose()
    {
        traces.Dispose();
        metrics.Dispose();
    }
}
