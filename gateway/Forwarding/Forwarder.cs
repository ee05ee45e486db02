using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>
/// Sends a request to an instance, and to another one when the first could not be reached (any method), or broke off before it
/// answered or says that it cannot answer (idempotent methods alone, RFC 9110 §9.2.2), as long as the body is still the caller's.
/// </summary>
internal sealed partial class Forwarder(IHttpForwarder proxy, ForwardingClient client, Relay relay, Retries retries, PassportMint mint, InstanceLists services, Balancer balancer, Outliers outliers, InFlight inFlight, ILogger<Forwarder> logger)
{
    /// <summary>What nginx logs when the client closed the connection; nobody receives it.</summary>
    private const int ClientClosedRequest = 499;

    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(2);

    public async Task SendAsync(Exchange exchange)
    {
        var route = exchange.Route;
        // 1. Whether anybody is there who can be asked now: a caller who would wait in vain is told at once.
        if (services.Find(route.Service) is not { } service)
        {
            await RefuseAsync(exchange, $"no instance of {route.Service} is UP");
            return;
        }
        if (!exchange.TryWaitAt(service, route.Settings.MaxInFlight))
        {
            await RefuseAsync(exchange, $"{route.Settings.MaxInFlight} requests wait for the service already (gateway:services:{service.Name}:maxInFlight)");
            return;
        }
        if (!exchange.TrySendTo(service, route.Settings.MaxBodiesOfOne))
        {
            exchange.WaitsNoMore();
            await exchange.RefuseAsync(Access.Refusal.Limited(_retryAfter, $"{route.Settings.MaxBodiesOfOne} bodies of this network are on their way to the service already (a tenth of gateway:services:{service.Name}:maxInFlight)"));
            return;
        }
        inFlight.Add(exchange);
        try
        {
            if (balancer.Choose(service, route.Pins, null, out var probe) is not { } instance)
            {
                await RefuseAsync(exchange, service.For(route.Pins).WhyNobody(route.Pins is not null));
                return;
            }
            // 2. There and back, and to another one when it fails.
            var next = new NextTry(instance, probe);
            while (true)
            {
                exchange.Trying(next.Instance, next.IsProbe);
                ForwarderError error;
                try
                {
                    var config = client.For(route.Timeout, next.Instance, route.Settings.Http2);
                    error = await proxy.SendAsync(exchange.Http, next.Instance.Prefix, client.Invoker, config, relay.For(exchange), exchange.Ended);
                }
                finally
                {
                    exchange.IsBack();
                }
                if ((exchange.Next ?? await AfterAsync(exchange, error)) is not { } other) return;
                next = other;
                exchange.Renew(mint);
                exchange.Http.Response.Clear();
                RequestTrace.Show(exchange.Http);
                exchange.Http.Features.Set<IForwarderErrorFeature>(null);
            }
        }
        finally
        {
            exchange.WaitsNoMore();
            inFlight.Remove(exchange);
        }
    }

    /// <summary>Where a request goes that got no answer; null when it is over, with the failure for an answer if there is one.</summary>
    private async ValueTask<NextTry?> AfterAsync(Exchange exchange, ForwarderError error)
    {
        if (error == ForwarderError.None) return null;
        var exception = exchange.Http.Features.Get<IForwarderErrorFeature>()?.Exception;
        Blame(exchange, error, exception);
        var spent = false;
        if (WasReached(error, exception) is { } reached && retries.AfterFailure(exchange, reached, out spent) is { } next)
        {
            exchange.Failed($"{error}: {Cause(exception)}");
            return next;
        }
        await AnswerAsync(exchange, error, spent ? Cause(exception) + "; the retry budget of the service is spent" : Cause(exception));
        return null;
    }

    private void Blame(Exchange exchange, ForwarderError error, Exception? exception)
    {
        if (TroubleOf(exchange, error, exception) is not { } trouble) return;
        using var trace = RequestTrace.Begin(exchange.Http);
        outliers.Failed(exchange.At!, exchange.Era, exchange.IsProbe, trouble);
    }

    /// <summary>Whether the instance is to blame, and for what: never for a caller who left, sends slowly or sends what nobody can read.</summary>
    private static Trouble? TroubleOf(Exchange exchange, ForwarderError error, Exception? exception)
    {
        if (exchange.CallerLeft || exchange.EndedFor is not null) return null;
        if (WasReached(error, exception) is false) return Trouble.Unreachable;
        // A service may rightly lose its patience with a caller who does not send what he announced.
        if (exchange.AwaitsCaller) return null;
        if (error == ForwarderError.Request || exchange.TimedOut) return Trouble.Silent;
        return error == ForwarderError.ResponseBodyDestination ? Trouble.Erring : null;
    }

    /// <summary>False when no connection came about, true when one broke before the answer, null when another try cannot help.</summary>
    private static bool? WasReached(ForwarderError error, Exception? exception) => (error, exception) switch
    {
        (ForwarderError.Request, HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError }) => false,
        // The handler's own time for connecting ran out; all other times are cancellations without this cause.
        (ForwarderError.RequestTimedOut, OperationCanceledException { InnerException: TimeoutException }) => false,
        (ForwarderError.Request, _) => true,
        _ => null,
    };

    /// <summary>Nobody was asked.</summary>
    private static Task RefuseAsync(Exchange exchange, string cause) =>
        exchange.RefuseAsync(new Access.Refusal(ProblemOf(ForwarderError.NoAvailableDestinations, StatusCodes.Status503ServiceUnavailable), cause));

    private async Task AnswerAsync(Exchange exchange, ForwarderError error, string why)
    {
        var http = exchange.Http;
        using var trace = RequestTrace.Begin(http);
        if (exchange.CallerLeft)
        {
            if (!http.Response.HasStarted) http.Response.StatusCode = ClientClosedRequest;
            Log.CallerLeft(logger, exchange.Route.Id, error);
            return;
        }
        if (exchange.EndedFor is { } cause)
        {
            Log.Cut(logger, exchange.Route.Id, cause);
            // Nothing more may pass; half an answer must not look whole either.
            if (http.Response.HasStarted) http.Abort();
            else await exchange.RefuseAsync(cause switch
            {
                Exchange.Expired => Access.Refusal.Expired,
                Exchange.Deaf => Access.Gate.Deaf,
                _ => Access.Refusal.Invalid(cause),
            });
            return;
        }
        Log.NoAnswer(logger, exchange.Route.Id, error, why);
        if (http.Response.HasStarted) return; // the proxy has cut the connection: half an answer must not look whole
        var problem = exchange.TimedOut ? TimedOut : ProblemOf(error, http.Response.StatusCode);
        http.Response.Clear();
        await exchange.RefuseAsync(new Access.Refusal(problem, $"{error}: {why}"));
    }

    private static Problem ProblemOf(ForwarderError error, int status) => error switch
    {
        ForwarderError.NoAvailableDestinations => new(503, "temporarily_unavailable", "The service cannot answer at the moment; try again later") { RetryAfter = _retryAfter, Reason = Access.Reasons.Destination },
        ForwarderError.RequestTimedOut or ForwarderError.RequestCanceled => TimedOut,
        ForwarderError.RequestBodyClient when status == StatusCodes.Status413PayloadTooLarge => TooLarge,
        ForwarderError.RequestBodyClient when status == StatusCodes.Status408RequestTimeout => new(408, "request_timeout", "The request took too long to arrive") { Reason = Access.Reasons.Request },
        ForwarderError.RequestBodyClient => new(400, "invalid_request", "The request body cannot be read") { Reason = Access.Reasons.Request },
        _ when status == StatusCodes.Status504GatewayTimeout => TimedOut,
        _ when status == StatusCodes.Status400BadRequest => new(400, "invalid_request", "The request cannot be passed on") { Reason = Access.Reasons.Request },
        _ => new(502, "bad_gateway", "The service gave no usable answer") { Reason = Access.Reasons.Destination },
    };

    private static Problem TimedOut => new(504, "gateway_timeout", "The service did not answer in time") { Reason = Access.Reasons.Destination };

    public static Problem TooLarge => new(413, "request_too_large", "The request body is too large") { Reason = Access.Reasons.Request };

    /// <summary>Messages of the transport name addresses and errors of the socket, never content.</summary>
    private static string Cause(Exception? exception) => exception switch
    {
        null => "no instance",
        // Its message repeats what the service wrote, which may be anything.
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => "the answer is not HTTP that can be read",
        AggregateException { InnerExceptions: [var first, ..] } => Cause(first),
        _ => exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.NoAnswer, LogLevel.Warning, "Route {Route} got no answer, {Error}: {Cause}")]
        public static partial void NoAnswer(ILogger logger, string route, ForwarderError error, string cause);

        [LoggerMessage(EventIds.CallerLeft, LogLevel.Debug, "The caller of route {Route} left, {Error}")]
        public static partial void CallerLeft(ILogger logger, string route, ForwarderError error);

        [LoggerMessage(EventIds.ExchangeCut, LogLevel.Information, "An exchange of route {Route} was cut: {Cause}")]
        public static partial void Cut(ILogger logger, string route, string cause);
    }
}
