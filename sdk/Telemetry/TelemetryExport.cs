using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>
/// Exports when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, by the standard <c>OTEL_*</c> settings; otherwise nothing of
/// OpenTelemetry is even loaded, and the framework's own sources and meters have no listener.
/// </summary>
internal sealed partial class TelemetryExport(IConfiguration configuration, IOptions<MeshOptions> options, ILogger<TelemetryExport> logger)
    : IHostedService, IDisposable
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private static readonly TimeSpan LongestFlush = TimeSpan.FromSeconds(1);
    private TelemetryProviders? _providers;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (configuration[Endpoint] is not { Length: > 0 } endpoint) return Task.CompletedTask;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw new MeshStartException($"{Endpoint} must be an http or https URL, not '{endpoint}'.");
        _providers = TelemetryProviders.Build(configuration, options.Value.Name);
        Log.Exporting(logger, url.GetLeftPart(UriPartial.Authority));
        return Task.CompletedTask;
    }

    /// <summary>What was collected last goes out, but a collector that does not answer must not hold up the stop.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.Run(() => _providers?.Shutdown(LongestFlush), CancellationToken.None);

    public void Dispose() => _providers?.Dispose();

    private static partial class Log
    {
        [LoggerMessage(EventIds.Exporting, LogLevel.Information, "Exporting traces and metrics to {Endpoint}")]
        public static partial void Exporting(ILogger logger, string endpoint);
    }
}
