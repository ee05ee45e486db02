using System.Net;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Routes;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>Whether a request is sent again, and to whom.</summary>
internal sealed class Retries(Balancer balancer)
{
    public static bool IsIdempotent(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method);

    /// <summary>Where the request goes next; null when it is answered with the failure.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="reached">An instance may have done something of what it asks for: only an idempotent one is sent again then (RFC 9110 §9.2.2).</param>
    /// <param name="spent">True: only the retry budget of the service forbids it.</param>
    public NextTry? After(Exchange exchange, bool reached, out bool spent)
    {
        spent = false;
        var (http, route, service) = (exchange.Http, exchange.Route, exchange.Service!);
        if (exchange.Tried!.Count > route.Retries) return null;
        if (http.Response.HasStarted || exchange.BodyTouched || exchange.Ended.IsCancellationRequested || exchange.CallerLeft) return null;
        if (reached && !IsIdempotent(http.Request.Method)) return null;
        // The last failure is the answer when nobody else is there.
        if (balancer.Choose(service, route.Pins, exchange.Tried, out var probe) is not { } next) return null;
        if (service.TryRetry(route.Settings.RetryBudget)) return new NextTry(next, probe);
        if (probe) next.Standing.EndProbe();
        spent = true;
        return null;
    }

    /// <summary>
    /// Where the request goes although an instance has answered it, because another one may know better: it cannot answer, or it
    /// takes no passport that this gateway has made for a caller who is let in, as one that has not got the newest keys.
    /// </summary>
    public NextTry? After(Exchange exchange, HttpResponseMessage answer) => answer.StatusCode switch
    {
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable => After(exchange, reached: true, out _),
        HttpStatusCode.Unauthorized when RefusesPassport(exchange, answer) => After(exchange, reached: true, out _),
        _ => null,
    };

    private static bool RefusesPassport(Exchange exchange, HttpResponseMessage answer) =>
        exchange is { Caller: not null, Route.Relay: RelayMode.Passport }
        && answer.Headers.WwwAuthenticate.Any(challenge => challenge is { Scheme: "Bearer", Parameter: { } parameter } && parameter.Contains("error=\"invalid_token\"", StringComparison.Ordinal));
}

/// <summary>The instance that gets the request next.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="IsProbe">It is ejected, and this request finds out whether it is back.</param>
internal readonly record struct NextTry(Instance Instance, bool IsProbe);
