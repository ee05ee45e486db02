using System.Collections.Concurrent;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>
/// Answers that may last: WebSockets, event streams, long downloads. They end when their caller's credential is revoked or over,
/// not only at the next request.
/// </summary>
internal sealed partial class OpenStreams(ITokenRevocations revocations, TimeProvider time, ILogger<OpenStreams> logger) : BackgroundService
{
    private const long Long = 1024 * 1024;
    private static readonly TimeSpan _every = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<Exchange, byte> _open = new(); // by reference: nothing of an exchange is compared

    public int Count => _open.Count;

    /// <summary>Answers that tell a small length are over before anybody could look.</summary>
    public static bool MayLast(HttpContext http) => http.Response.ContentLength is not { } length || length > Long;

    public void Add(Exchange exchange)
    {
        _open.TryAdd(exchange, 0);
        // Revoked between the check and this line: nobody would tell it again.
        EndIfOver(exchange);
    }

    public void Remove(Exchange exchange)
    {
        if (!_open.IsEmpty) _open.TryRemove(exchange, out _);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changes = revocations.OnChange(EndAllThatAreOver);
        using var timer = new PeriodicTimer(_every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) EndAllThatAreOver();
    }

    private void EndAllThatAreOver()
    {
        foreach (var (exchange, _) in _open) EndIfOver(exchange);
    }

    private void EndIfOver(Exchange exchange)
    {
        var caller = exchange.Caller!;
        var cause = caller.IsRevoked(revocations) ? "the credential was revoked" : caller.Until <= time.GetUtcNow().ToUnixTimeMilliseconds() ? "the credential expired" : null;
        if (cause is null) return;
        Remove(exchange);
        Log.Ended(logger, exchange.Route.Id, cause);
        exchange.End(cause);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.StreamEnded, LogLevel.Information, "A stream of route {Route} was ended: {Cause}")]
        public static partial void Ended(ILogger logger, string route, string cause);
    }
}
