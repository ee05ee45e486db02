using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Keeps <see cref="ServiceRegistry"/> up to date: pushed by servers that hold conditional requests, else by deltas.</summary>
internal sealed partial class RegistryFetcher(
    RegistryConnection connection, ServiceRegistry registry, Registrar registrar, IOptionsMonitor<MeshOptions> options, TimeProvider time, ILogger<RegistryFetcher> log)
    : BackgroundService
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);
    // After a failure or an answer that came too soon; a registry that is back must be noticed quickly.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    // Between two pushed answers: a burst of registrations is one change.
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);
    private string? _etag;
    private string? _epoch;
    private Uri? _server;
    private bool? _holds;

    /// <summary>Why the last fetch failed; null when it did not.</summary>
    public string? Fault { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = ShortestPause;
        try
        {
            while (true)
            {
                var (fault, next) = await SafeTurnAsync(stoppingToken);
                if (fault is null)
                {
                    if (Fault is not null) Log.Reached(log, connection.Current);
                    pause = ShortestPause;
                }
                else
                {
                    if (Fault != fault) Log.Unreachable(log, connection.Current, fault);
                    (_holds, next) = (null, Entropy.Jitter(pause, 0.2));
                    pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, (LongestPause / 1.2).Ticks));
                }
                Fault = fault;
                await Task.Delay(next, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    /// <summary>Whatever goes wrong, the next turn comes: an answer that this service stumbles over must not end it.</summary>
    private async Task<(string? Fault, TimeSpan Pause)> SafeTurnAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await TurnAsync(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var fault = $"an error of this service ({e.GetType().Name})";
            if (Fault != fault) Log.Unexpected(log, e);
            return (fault, default);
        }
    }

    private Task<(string? Fault, TimeSpan Pause)> TurnAsync(CancellationToken cancellationToken)
    {
        // After a failure the first question is whether the server is back: an answer at once, not a held request.
        if (Fault is not null) return FullAsync(cancellationToken);
        if (_etag is not null && _holds != false) return HeldAsync(_etag, cancellationToken);
        return registry.Served > 0 ? DeltaAsync(cancellationToken) : FullAsync(cancellationToken);
    }

    /// <summary>Asks for whatever differs from the tag; a server that cannot hold the request answers at once.</summary>
    private async Task<(string? Fault, TimeSpan Pause)> HeldAsync(string etag, CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        var answer = await connection.SendAsync(() =>
        {
            var request = Get("apps");
            request.Headers.TryAddWithoutValidation("If-None-Match", etag);
            request.Headers.TryAddWithoutValidation("Prefer", $"wait={Wait.TotalSeconds}");
            return request;
        }, Wait + MeshHttp.RequestLimit, onlyCurrent: false, cancellationToken);
        if (answer.Fault is not null) return (answer.Fault, default);
        _holds = answer.Held;
        if (answer.Status == HttpStatusCode.NotModified) registry.Confirm();
        else if (Take(answer) is { } fault) return (fault, default);
        if (!answer.Held) return (null, Interval);
        var hurry = answer.Status != HttpStatusCode.NotModified || time.GetElapsedTime(asked) > LongestPause;
        return (null, hurry ? ShortestPause : LongestPause);
    }

    private async Task<(string? Fault, TimeSpan Pause)> DeltaAsync(CancellationToken cancellationToken)
    {
        var answer = await connection.SendAsync(() => Get("apps/delta"), MeshHttp.RequestLimit, onlyCurrent: true, cancellationToken);
        if (answer.Fault is null && Parse(answer.Body, out var hash) is { } delta && registry.Apply(delta) == hash) return (null, Interval);
        // Switched off (403, 404), missed or damaged: everything anew.
        return await FullAsync(cancellationToken);
    }

    private async Task<(string? Fault, TimeSpan Pause)> FullAsync(CancellationToken cancellationToken)
    {
        var answer = await connection.SendAsync(() => Get("apps"), MeshHttp.RequestLimit, onlyCurrent: false, cancellationToken);
        if (answer.Fault is not null) return (answer.Fault, default);
        if (answer.Status != HttpStatusCode.OK) return ($"it answered {(int)answer.Status} to a full fetch", default);
        if (answer.Server != _server) _holds = null;
        if (Take(answer) is { } fault) return (fault, default);
        return (null, _etag is not null && _holds != false ? TimeSpan.Zero : Interval);
    }

    private string? Take(RegistryAnswer answer)
    {
        if (Parse(answer.Body, out _) is not { } all) return "its answer is no registry";
        var settings = options.CurrentValue.Registry;
        var epoch = Epoch(answer.ETag);
        var forgot = Forgot(answer.Server, epoch, all.Count);
        var listed = registrar.Identity is { } me && registry.Lists(me.App, me.Id);
        registry.Replace(all, forgot ? settings.LeaseDuration + settings.RenewalInterval : null);
        (_etag, _epoch, _server) = (answer.ETag, epoch, answer.Server);
        // A server that lost this instance gets it back now, not at the next renewal.
        if (registrar.Identity is { } own && (forgot || listed) && !registry.Lists(own.App, own.Id)) registrar.RegisterAgain();
        return null;
    }

    /// <summary>
    /// A server that was started again knows nobody until everyone has renewed. One of ours says so by a new epoch in its tag;
    /// of others it is assumed when nearly everything is gone at once, or when another server answers than before.
    /// </summary>
    private bool Forgot(Uri server, string? epoch, int count)
    {
        var before = registry.Served;
        if (before == 0) return false;
        if (epoch is not null && _epoch is not null) return epoch != _epoch;
        return server != _server || count == 0 || (before >= 4 && count * 4 <= before);
    }

    /// <summary>The part of <c>"EPOCH-VERSION"</c> that is new at each start of the server.</summary>
    private static string? Epoch(string? etag)
    {
        var dash = etag?.LastIndexOf('-') ?? -1;
        return dash > 0 ? etag![..dash] : null;
    }

    private List<EurekaInstance>? Parse(byte[] body, out string? hash)
    {
        hash = null;
        try
        {
            using var document = JsonDocument.Parse(body);
            var all = EurekaInstance.ReadAll(document.RootElement, application => Log.Skipped(log, application));
            if (all is not null && document.RootElement.GetProperty("applications").TryGetProperty("apps__hashcode", out var value) && value.ValueKind == JsonValueKind.String)
                hash = value.GetString();
            return all;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the second: text that is not Unicode, as \ud800
        {
            return null;
        }
    }

    private TimeSpan Interval => Entropy.Jitter(options.CurrentValue.Registry.FetchInterval);

    private static HttpRequestMessage Get(string path) => new(HttpMethod.Get, path);

    private static partial class Log
    {
        [LoggerMessage(EventIds.RegistryFetchFailed, LogLevel.Error, "The registry could not be followed; trying again")]
        public static partial void Unexpected(ILogger logger, Exception exception);

        [LoggerMessage(EventIds.RegistryUnreachable, LogLevel.Warning, "The registry at {Url}: {Reason}; the instances known stay")]
        public static partial void Unreachable(ILogger logger, Uri url, string reason);

        [LoggerMessage(EventIds.RegistryReached, LogLevel.Information, "The registry at {Url} answers again")]
        public static partial void Reached(ILogger logger, Uri url);

        [LoggerMessage(EventIds.RegistryInstanceSkipped, LogLevel.Warning, "An instance of {Application} is left out: it has no id")]
        public static partial void Skipped(ILogger logger, string application);
    }
}
