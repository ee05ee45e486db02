using System.Collections.Concurrent;
using System.Net;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>
/// Notes when and from where API tokens were last used: at most once a minute for each token, written in the background. Of a
/// token that a service asks about, the address is the one that the service hands on (<c>X-Forwarded-For</c>).
/// </summary>
internal sealed partial class ApiTokenUses(IApiTokens store, TimeProvider time, ILogger<ApiTokenUses> logger) : BackgroundService
{
    private const int Most = 10_000;
    private static readonly TimeSpan Often = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _noted = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ApiTokenUse> _waiting = new(StringComparer.Ordinal);

    public void Note(string? id, IPAddress? address)
    {
        if (id is null) return;
        var now = time.GetUtcNow();
        if (_noted.TryGetValue(id, out var last) && now - last < Often) return;
        if (_noted.Count >= Most) _noted.Clear();
        _noted[id] = now;
        _waiting[id] = new ApiTokenUse(id, now, address?.IsIPv4MappedToIPv6 == true ? address.MapToIPv4() : address);
    }

    /// <summary>Writes what was noted.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        var uses = new List<ApiTokenUse>();
        foreach (var id in _waiting.Keys) if (_waiting.TryRemove(id, out var use)) uses.Add(use);
        if (uses.Count > 0) await store.UsedAsync(uses, cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Entropy(), TimeProvider.System, stoppingToken);
                await TryFlushAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await TryFlushAsync(CancellationToken.None);
        }
    }

    private static TimeSpan Entropy() => Sdk.Entropy.Jitter(Interval);

    // A use that could not be written is noted again with the next one, a minute later.
    private async Task TryFlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await FlushAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Failed(logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ApiTokenUsesFailed, LogLevel.Warning, "When API tokens were last used was not written")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
