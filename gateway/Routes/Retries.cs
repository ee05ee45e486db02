using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Protocol;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace SecureMesh.Gateway.Routes;

/// <summary>
/// Sends a request to another instance when the first could not be reached (any method), or broke off before it answered
/// (idempotent methods alone, RFC 9110 §9.2.2), as long as the body is still the caller's.
/// </summary>
internal sealed partial class Retries(RequestDelegate next, IDestinationHealthUpdater health, ILogger<Retries> logger)
{
    private const int Most = 2;

    /// <summary>How long an instance that could not be reached gets no requests while another one is there.</summary>
    private static readonly TimeSpan _avoid = TimeSpan.FromSeconds(5);

    public async Task InvokeAsync(HttpContext http)
    {
        var proxy = http.GetReverseProxyFeature();
        var healthy = proxy.AvailableDestinations;
        var tried = new List<DestinationState>(Most + 1);
        while (true)
        {
            await next(http);
            if (http.Features.Get<IForwarderErrorFeature>() is not { } failure || proxy.ProxiedDestination is not { } failed) return;
            var reached = WasReached(failure);
            if (reached is null) return;
            if (reached is false)
            {
                health.SetPassive(proxy.Route.Cluster!, failed, DestinationHealth.Unhealthy, _avoid);
                Log.NotReached(logger, proxy.Route.Config.RouteId, failed.DestinationId);
            }
            tried.Add(failed);
            if (tried.Count > Most || !MaySendAgain(http, reached.Value)) return;
            var others = Without(healthy, tried);
            if (others.Count == 0) others = Without(proxy.AllDestinations, tried);
            if (others.Count == 0) return;
            http.Response.Clear();
            http.Features.Set<IForwarderErrorFeature>(null);
            (proxy.AvailableDestinations, proxy.ProxiedDestination) = (others, null);
        }
    }

    /// <summary>False when no connection came about, true when one broke before the answer, null when another try cannot help.</summary>
    private static bool? WasReached(IForwarderErrorFeature failure) => (failure.Error, failure.Exception) switch
    {
        (ForwarderError.Request, HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }) => false,
        // The handler's own time for connecting ran out; all other times are cancellations without this cause.
        (ForwarderError.RequestTimedOut, OperationCanceledException { InnerException: TimeoutException }) => false,
        (ForwarderError.Request, _) => true,
        _ => null,
    };

    private static bool MaySendAgain(HttpContext http, bool reached)
    {
        var exchange = http.Features.GetRequiredFeature<Exchange>();
        if (http.Response.HasStarted || exchange.BodyTouched || exchange.TimedOut || exchange.CallerLeft) return false;
        return !reached || IsIdempotent(http.Request.Method);
    }

    public static bool IsIdempotent(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method);

    private static List<DestinationState> Without(IReadOnlyList<DestinationState> destinations, List<DestinationState> tried) =>
        [.. destinations.Where(destination => !tried.Contains(destination))];

    private static partial class Log
    {
        [LoggerMessage(EventIds.DestinationFailed, LogLevel.Warning, "Route {Route} could not reach {Instance}")]
        public static partial void NotReached(ILogger logger, string route, string instance);
    }
}
