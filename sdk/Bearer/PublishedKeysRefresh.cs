using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>Keeps the key sets fresh, so that no caller waits for them and a withdrawn key is forgotten.</summary>
internal sealed partial class PublishedKeysRefresh(IIssuerKeys issuer, IPassportKeys passports, TimeProvider time, ILogger<PublishedKeysRefresh> logger)
    : BackgroundService
{
    /// <summary>The sets that are fetched; a service may bring its own keys instead.</summary>
    public static IEnumerable<PublishedKeys> Of(IIssuerKeys issuer, IPassportKeys passports) => new object[] { issuer, passports }.OfType<PublishedKeys>();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Of(issuer, passports).Select(keys => KeepFreshAsync(keys, stoppingToken)));

    private async Task KeepFreshAsync(PublishedKeys keys, CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                var next = await TurnAsync(keys, stoppingToken);
                await Task.Delay(Entropy.Jitter(next, 0.05), time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Whatever goes wrong, the next turn comes.</summary>
    private async Task<TimeSpan> TurnAsync(PublishedKeys keys, CancellationToken cancellationToken)
    {
        try
        {
            return keys.NextRefresh(await keys.RefreshAsync().WaitAsync(cancellationToken));
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Unexpected(logger, keys.What, e);
            return AfterError;
        }
    }

    private static readonly TimeSpan AfterError = TimeSpan.FromSeconds(30);

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeysRefreshFailed, LogLevel.Error, "The {What} of the token service could not be refreshed; trying again")]
        public static partial void Unexpected(ILogger logger, string what, Exception exception);
    }
}

/// <summary>Reports whether tokens can be checked; a service without keys is still up, because it says 503 by itself and heals.</summary>
internal sealed class PublishedKeysHealth(IIssuerKeys issuer, IPassportKeys passports) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object>();
        if (issuer is IssuerKeys keys) Tell(data, keys, "count", "ageSeconds");
        if (passports is PassportKeys gateways) Tell(data, gateways, "passportCount", "passportAgeSeconds");
        var missing = PublishedKeysRefresh.Of(issuer, passports).Where(set => !set.IsKnown).Select(set => set.What).ToArray();
        return Task.FromResult(missing.Length == 0
            ? HealthCheckResult.Healthy(data: data)
            : HealthCheckResult.Degraded($"no {string.Join(" and no ", missing)} of the token service yet", data: data));
    }

    private static void Tell(Dictionary<string, object> data, PublishedKeys keys, string count, string age)
    {
        data[count] = keys.Count;
        if (keys.Age is { } old) data[age] = (long)old.TotalSeconds;
    }
}
