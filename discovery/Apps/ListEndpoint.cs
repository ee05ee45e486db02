using System.Globalization;
using Microsoft.Net.Http.Headers;
using SecureMesh.Discovery.Registry;
using SecureMesh.Sdk;

namespace SecureMesh.Discovery.Apps;

/// <summary>
/// Operations 4 and 5: the whole registry and its delta, with a version as ETag. A request that names the newest version
/// and sends <c>Prefer: wait=N</c> (RFC 7240) is held until there is a newer one; stock clients send neither.
/// </summary>
internal sealed class ListEndpoint
{
    private readonly string _epoch = Entropy.HexId()[..12];
    private readonly LeaseRegistry _registry;
    private readonly RegistrySettings _settings;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private int _waiting;

    public ListEndpoint(LeaseRegistry registry, RegistrySettings settings, TimeProvider time, IHostApplicationLifetime lifetime, RegistryMetrics metrics)
    {
        (_registry, _settings, _time, _stopping) = (registry, settings, time, lifetime.ApplicationStopping);
        metrics.WatchWaiting(() => Waiting);
    }

    /// <summary>Requests that are held now.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public Task AllAsync(HttpContext http) => HandleAsync(http, delta: false);

    public Task DeltaAsync(HttpContext http) => HandleAsync(http, delta: true);

    private async Task HandleAsync(HttpContext http, bool delta)
    {
        var state = _registry.Current;
        var wait = Wait(http.Request);
        // Not promised while the server stops: a client that saw it would ask again at once.
        if (wait > TimeSpan.Zero && !_stopping.IsCancellationRequested && Waiting < _settings.Current.Push.MaxWaiting)
        {
            if (IsKnown(http.Request, state)) state = await NewerAsync(state, wait, http.RequestAborted);
            if (!_stopping.IsCancellationRequested) http.Response.Headers["Preference-Applied"] = "wait";
        }
        http.Response.Headers.ETag = Tag(state);
        http.Response.Headers.Vary = "Accept, Accept-Encoding";
        http.Response.Headers.CacheControl = "private, no-cache";
        if (IsKnown(http.Request, state))
        {
            await Answer.Empty(http, StatusCodes.Status304NotModified);
            return;
        }
        var (json, gzip) = (Negotiation.ListAsJson(http.Request), Negotiation.Gzip(http.Request));
        if (gzip) http.Response.Headers.ContentEncoding = "gzip";
        await Answer.Bytes(http, json, StateRendering.Of(state, delta, json, gzip));
    }

    /// <summary>The next version, or the same when the time is over, the client has gone, or the server stops.</summary>
    private async Task<RegistryState> NewerAsync(RegistryState known, TimeSpan wait, CancellationToken aborted)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(aborted, _stopping);
        var newer = known.Superseded.WaitAsync(wait, _time, end.Token); // its time runs before anybody sees that it waits
        Interlocked.Increment(ref _waiting);
        try
        {
            await newer;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Nothing new: 304.
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        return _registry.Current;
    }

    // The epoch is of this process: versions begin again after a restart.
    private string Tag(RegistryState state) => $"\"{_epoch}-{state.Version.ToString(CultureInfo.InvariantCulture)}\"";

    private bool IsKnown(HttpRequest request, RegistryState state) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out var tags) && tags.Any(tag => tag.Tag == Tag(state));

    private TimeSpan Wait(HttpRequest request)
    {
        foreach (var preference in request.Headers.GetCommaSeparatedValues("Prefer"))
        {
            if (!preference.StartsWith("wait=", StringComparison.OrdinalIgnoreCase)) continue;
            if (!uint.TryParse(preference.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) continue;
            var longest = _settings.Current.Push.MaxWait;
            return TimeSpan.FromSeconds(seconds) < longest ? TimeSpan.FromSeconds(seconds) : longest;
        }
        return TimeSpan.Zero;
    }
}
