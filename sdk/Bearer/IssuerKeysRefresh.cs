using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Keeps the key set fresh, so that no caller waits for it and a withdrawn key is forgotten.</summary>
internal sealed partial class IssuerKeysRefresh(IIssuerKeys keys, TimeProvider time, ILogger<IssuerKeysRefresh> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (keys is not IssuerKeys fetched) return; // the service brings its own keys
        try
        {
            while (true)
            {
                var next = await TurnAsync(fetched, stoppingToken);
                await Task.Delay(Entropy.Jitter(next, 0.05), time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Whatever goes wrong, the next turn comes.</summary>
    private async Task<TimeSpan> TurnAsync(IssuerKeys fetched, CancellationToken cancellationToken)
    {
        try
        {
            return fetched.NextRefresh(await fetched.RefreshAsync().WaitAsync(cancellationToken));
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Unexpected(logger, e);
            return AfterError;
        }
    }

    private static readonly TimeSpan AfterError = TimeSpan.FromSeconds(30);

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeysRefreshFailed, LogLevel.Error, "The keys of the token service could not be refreshed; trying again")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}

/// <summary>Reports whether tokens can be checked; a service without keys is still up, because it says 503 by itself and heals.</summary>
internal sealed class IssuerKeysHealth(IIssuerKeys keys) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (keys is not IssuerKeys fetched) return Task.FromResult(HealthCheckResult.Healthy());
        var data = new Dictionary<string, object> { ["count"] = fetched.Count };
        if (fetched.Age is { } age) data["ageSeconds"] = (long)age.TotalSeconds;
        return Task.FromResult(fetched.Count > 0
            ? HealthCheckResult.Healthy(data: data)
            : HealthCheckResult.Degraded("no keys of the token service yet", data: data));
    }
}
