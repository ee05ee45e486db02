using System.Collections.Concurrent;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>
/// Every request that is on its way, so that one timer for all ends what takes too long, and a revocation ends what its caller
/// still has open: WebSockets, event streams, long downloads, not only the next request. Where no feed tells of a revocation, those are
/// looked at again every few seconds.
/// </summary>
/// <remarks>
/// A timer for each request would be four entries to the runtime's timer lock, which is what two busy cores wait for most. A
/// request takes a free place of an array and gives it back: two plain writes. Times are kept to a tenth of a second.
/// </remarks>
internal sealed partial class InFlight(Gate gate, ITokenRevocations revocations, TimeProvider time, ILogger<InFlight> logger) : BackgroundService
{
    private const int Places = 4096;
    private const int Tries = 8;
    private const int AskedAtOnce = 16;
    private static readonly TimeSpan _every = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _askEvery = TimeSpan.FromSeconds(5);
    private readonly Exchange?[] _places = new Exchange?[Places];
    private readonly ConcurrentDictionary<Exchange, byte> _others = new(); // by reference: nothing of an exchange is compared

    /// <summary>How many are on their way.</summary>
    public int Count => _places.Count(place => place is not null) + _others.Count;

    public void Add(Exchange exchange)
    {
        var start = Lot.Below(Places);
        for (var i = 0; i < Tries; i++)
        {
            var place = (start + i) % Places;
            if (_places[place] is not null || Interlocked.CompareExchange(ref _places[place], exchange, null) is not null) continue;
            exchange.Place = place;
            return;
        }
        exchange.Place = -1;
        _others.TryAdd(exchange, 0);
    }

    public void Remove(Exchange exchange)
    {
        if (exchange.Place >= 0) Volatile.Write(ref _places[exchange.Place], null);
        else _others.TryRemove(exchange, out _);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changes = revocations.OnChange(LookAtAll);
        await Task.WhenAll(LookAsync(stoppingToken), AskAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) LookAtAll();
    }

    private void LookAtAll()
    {
        var (now, today) = (Exchange.Now(time), time.GetUtcNow().ToUnixTimeMilliseconds());
        foreach (var exchange in _places)
        {
            if (exchange is not null) Look(exchange, now, today);
        }
        if (_others.IsEmpty) return;
        foreach (var (exchange, _) in _others) Look(exchange, now, today);
    }

    /// <summary>Runs in a timer and in the follower of the feed, where nobody catches what it throws.</summary>
    private void Look(Exchange exchange, long now, long today)
    {
        try
        {
            exchange.EndIfLate(now);
            if (exchange.Caller is not { } caller) return;
            var cause = caller.IsRevoked(revocations) || exchange.IsRefused ? Exchange.Revoked
                : caller.Until <= today ? Exchange.Expired
                : gate.IsDeaf(exchange.Route) ? Exchange.Deaf
                : null;
            if (cause is not null && exchange.End(cause, now)) Log.Ended(logger, exchange.Route.Id, cause);
        }
        catch (Exception e)
        {
            Log.Failed(logger, e);
        }
    }

    private async Task AskAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_askEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Exchange[] asked = [.. _places.OfType<Exchange>().Concat(_others.Keys).Where(MustBeAsked)];
            if (asked.Length == 0) continue;
            await Parallel.ForEachAsync(asked, new ParallelOptions { MaxDegreeOfParallelism = AskedAtOnce, CancellationToken = stoppingToken }, AskAsync);
        }
    }

    /// <summary>What others revoke no feed tells, and what is revoked here only while it is heard. What is over in a moment is not worth a question.</summary>
    private bool MustBeAsked(Exchange exchange)
    {
        if (exchange.Caller is not { } caller) return false;
        var isLong = exchange.IsLong;
        exchange.IsLong = true;
        return isLong && (!revocations.IsCurrent || caller.Credential == CredentialKind.Foreign);
    }

    /// <summary>A refusal ends it with the next look. That nobody can say is none.</summary>
    private async ValueTask AskAsync(Exchange exchange, CancellationToken cancellationToken)
    {
        try
        {
            if (await gate.FaultAsync(exchange.Shown, exchange.Route, cancellationToken) is { Problem.Status: < 500 and not 429 }) exchange.IsRefused = true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.Failed(logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.StreamEnded, LogLevel.Information, "An exchange of route {Route} is ended: {Cause}")]
        public static partial void Ended(ILogger logger, string route, string cause);

        [LoggerMessage(EventIds.StreamUnended, LogLevel.Error, "An exchange could not be ended")]
        public static partial void Failed(ILogger logger, Exception exception);
    }
}
