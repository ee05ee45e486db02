using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace SecureMesh.Sdk;

/// <summary>Keeps the key set fresh, so that no caller waits for it and a withdrawn key is forgotten.</summary>
internal sealed class IssuerKeysRefresh(IIssuerKeys keys, TimeProvider time) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (keys is not IssuerKeys fetched) return; // the service brings its own keys
        try
        {
            while (true)
            {
                var succeeded = await fetched.RefreshAsync().WaitAsync(stoppingToken);
                await Task.Delay(Entropy.Jitter(fetched.NextRefresh(succeeded), 0.05), time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
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
