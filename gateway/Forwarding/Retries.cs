using System.Net;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>Whether a request is sent again, and to whom.</summary>
internal sealed partial class Retries(Balancer balancer, ITokenRevocations revocations, ILogger<Retries> logger) : IDisposable
{
    private readonly LogBudget _refusedPassports = new(5, count => Log.MorePassportsRefused(logger, count));

    public static bool IsIdempotent(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method);

    /// <summary>Where a request goes that got no answer; null when it is answered with the failure.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="reached">An instance may have done something of what it asks for: only an idempotent one is sent again then (RFC 9110 §9.2.2).</param>
    /// <param name="spent">True: only the retry budget of the service forbids it.</param>
    public NextTry? AfterFailure(Exchange exchange, bool reached, out bool spent)
    {
        spent = false;
        if (!IsStillWhole(exchange) || (reached && !IsIdempotent(exchange.Http.Request.Method))) return null;
        var (service, route) = (exchange.Service!, exchange.Route);
        // The last failure is the answer when nobody else is there.
        if (balancer.Choose(service, route.Pins, exchange.Tried, out var probe) is not { } next) return null;
        if (service.TryRetry(route.Settings.RetryBudget)) return new NextTry(next, probe);
        if (probe) next.Standing.EndProbe();
        spent = true;
        return null;
    }

    /// <summary>
    /// Where a request goes although an instance has answered it, because another one may know better: it cannot answer, or it
    /// takes no passport that this gateway has made for a caller who is let in, as one that has not got the newest keys. Null when
    /// the answer is the caller's.
    /// </summary>
    public NextTry? AfterAnswer(Exchange exchange, HttpResponseMessage answer)
    {
        if (answer.StatusCode is not (HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable) && !RefusesPassport(exchange, answer)) return null;
        // Who was kept waiting for it shall have it.
        if (!IsStillWhole(exchange) || !IsIdempotent(exchange.Http.Request.Method) || !exchange.HasTime) return null;
        var (service, route) = (exchange.Service!, exchange.Route);
        if (Balancer.Another(service, route.Pins, exchange.Tried) is not { } next) return null;
        // Half of the budget is left to requests that no instance has answered.
        var may = service.TryRetry(route.Settings.RetryBudget, parts: 2);
        exchange.Failed($"answered {(int)answer.StatusCode}{(may ? "" : "; the retry budget of the service is spent")}");
        return may ? new NextTry(next, IsProbe: false) : null;
    }

    public void Dispose() => _refusedPassports.Dispose();

    private static bool IsStillWhole(Exchange exchange) =>
        exchange.Tries <= exchange.Route.Retries
        && !exchange.Http.Response.HasStarted && !exchange.BodyTouched && !exchange.Ended.IsCancellationRequested && !exchange.CallerLeft;

    private bool RefusesPassport(Exchange exchange, HttpResponseMessage answer)
    {
        // The instance may know of a revocation of which this gateway, while its feed is cut, cannot: then it is right.
        if (answer.StatusCode != HttpStatusCode.Unauthorized || exchange is not { Caller: not null, Route.Relay: RelayMode.Passport } || !revocations.IsCurrent) return false;
        if (!answer.Headers.WwwAuthenticate.Any(challenge => challenge.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)
            && challenge.Parameter?.Contains("error=\"invalid_token\"", StringComparison.Ordinal) == true)) return false;
        using var trace = RequestTrace.Begin(exchange.Http);
        if (_refusedPassports.TryTake()) Log.PassportRefused(logger, exchange.At!.Id);
        return true;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.PassportRefused, LogLevel.Warning, "The instance {Instance} took no passport of this gateway; its own log says why")]
        public static partial void PassportRefused(ILogger logger, string instance);

        [LoggerMessage(EventIds.MorePassportsRefused, LogLevel.Warning, "{Count} more passports of this gateway were not taken within a second")]
        public static partial void MorePassportsRefused(ILogger logger, long count);
    }
}

/// <summary>The instance that gets the request next.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="IsProbe">It is ejected, and this request finds out whether it is back.</param>
internal readonly record struct NextTry(Instance Instance, bool IsProbe);
