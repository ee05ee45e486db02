using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace SecureMesh.Sdk;

/// <summary>
/// Keeps the key sets fresh, so that no caller waits for them and a withdrawn key is forgotten. When the feed of revocations ends a
/// key, the one that takes its place is asked for at once, however many made-up keys callers name meanwhile.
/// </summary>
internal sealed partial class PublishedKeysRefresh(
    IIssuerKeys issuer, IPassportKeys passports, ITokenRevocations revocations, TimeProvider time, ILogger<PublishedKeysRefresh> logger) : BackgroundService
{
    private TaskCompletionSource _keyEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _keysEnded;

    /// <summary>The sets that are fetched; a service may bring its own keys instead.</summary>
    public static IEnumerable<PublishedKeys> Of(IIssuerKeys issuer, IPassportKeys passports) => new object[] { issuer, passports }.OfType<PublishedKeys>();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var watch = revocations.OnChange(Heard);
        await Task.WhenAll(Of(issuer, passports).Select(keys => KeepFreshAsync(keys, stoppingToken)));
    }

    private void Heard()
    {
        if (revocations is not TokenRevocations { KeysEnded: var ended } || ended == _keysEnded) return;
        _keysEnded = ended;
        Interlocked.Exchange(ref _keyEnded, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    private async Task KeepFreshAsync(PublishedKeys keys, CancellationToken stoppingToken)
    {
        try
        {
            var anew = false;
            while (true)
            {
                var keyEnded = Volatile.Read(ref _keyEnded).Task; // before the fetch, so that none that ends meanwhile is missed
                var next = await TurnAsync(keys, anew, stoppingToken);
                await keyEnded.WaitAsync(Entropy.Jitter(next, 0.05), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stoppingToken.ThrowIfCancellationRequested();
                anew = keyEnded.IsCompleted;
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Whatever goes wrong, the next turn comes.</summary>
    private async Task<TimeSpan> TurnAsync(PublishedKeys keys, bool anew, CancellationToken cancellationToken)
    {
        try
        {
            return keys.NextRefresh(await (anew ? keys.RefreshAnewAsync() : keys.RefreshAsync()).WaitAsync(cancellationToken));
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
