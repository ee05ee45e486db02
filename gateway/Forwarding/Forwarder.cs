using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>
/// Sends a request to an instance, and to another one when the first could not be reached (any method), or broke off before it
/// answered (idempotent methods alone, RFC 9110 §9.2.2), as long as the body is still the caller's.
/// </summary>
internal sealed partial class Forwarder(IHttpForwarder proxy, ForwardingClient client, Relay relay, Balancer balancer, OpenStreams streams, TimeProvider time, ILogger<Forwarder> logger)
{
    /// <summary>What nginx logs when the client closed the connection; nobody receives it.</summary>
    private const int ClientClosedRequest = 499;

    /// <summary>How long an instance that could not be reached gets no requests while another one is there.</summary>
    private static readonly TimeSpan _avoid = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(2);

    public async Task SendAsync(Exchange exchange)
    {
        var (http, route) = (exchange.Http, exchange.Route);
        var config = client.For(route.Timeout);
        try
        {
            while (true)
            {
                if (balancer.Choose(route.Service, exchange.Tried) is not { } instance)
                {
                    await AnswerAsync(exchange, ForwarderError.NoAvailableDestinations, http.Features.Get<IForwarderErrorFeature>()?.Exception);
                    return;
                }
                exchange.Trying(instance);
                instance.Begin();
                ForwarderError error;
                try
                {
                    error = await proxy.SendAsync(http, instance.Prefix, client.Invoker, config, relay, exchange.Ended);
                }
                finally
                {
                    instance.End();
                }
                if (error == ForwarderError.None) return;
                if (!TryAgain(exchange, instance, error))
                {
                    await AnswerAsync(exchange, error, http.Features.Get<IForwarderErrorFeature>()?.Exception);
                    return;
                }
                http.Response.Clear();
                http.Features.Set<IForwarderErrorFeature>(null);
            }
        }
        finally
        {
            streams.Remove(exchange);
        }
    }

    public static bool IsIdempotent(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method);

    private bool TryAgain(Exchange exchange, Instance instance, ForwarderError error)
    {
        var reached = WasReached(error, exchange.Http.Features.Get<IForwarderErrorFeature>()?.Exception);
        if (reached is null) return false;
        if (reached is false)
        {
            instance.Avoid(time.GetUtcNow().Add(_avoid).ToUnixTimeMilliseconds());
            using var trace = RequestTrace.Begin(exchange.Http);
            Log.NotReached(logger, exchange.Route.Id, instance.Id);
        }
        if (exchange.Tried!.Count > exchange.Route.Retries) return false;
        if (exchange.Http.Response.HasStarted || exchange.BodyTouched || exchange.Ended.IsCancellationRequested || exchange.CallerLeft) return false;
        if (reached is true && !IsIdempotent(exchange.Http.Request.Method)) return false;
        // The last failure is the answer when nobody else is there.
        return balancer.Choose(exchange.Route.Service, exchange.Tried) is not null;
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

    private async Task AnswerAsync(Exchange exchange, ForwarderError error, Exception? exception)
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
            // Nothing more may pass; half an answer must not look whole either.
            http.Abort();
            Log.Cut(logger, exchange.Route.Id, cause);
            return;
        }
        Log.NoAnswer(logger, exchange.Route.Id, error, Cause(exception));
        if (http.Response.HasStarted) return; // the proxy has cut the connection: half an answer must not look whole
        var problem = exchange.TimedOut ? TimedOut : ProblemOf(error, http.Response.StatusCode);
        http.Response.Clear();
        await http.RefuseAsync(new Access.Refusal(problem, $"{error}: {Cause(exception)}"));
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
        AggregateException { InnerExceptions: [var first, ..] } => Cause(first),
        _ => exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.DestinationFailed, LogLevel.Warning, "Route {Route} could not reach {Instance}")]
        public static partial void NotReached(ILogger logger, string route, string instance);

        [LoggerMessage(EventIds.NoAnswer, LogLevel.Warning, "Route {Route} got no answer, {Error}: {Cause}")]
        public static partial void NoAnswer(ILogger logger, string route, ForwarderError error, string cause);

        [LoggerMessage(EventIds.CallerLeft, LogLevel.Debug, "The caller of route {Route} left, {Error}")]
        public static partial void CallerLeft(ILogger logger, string route, ForwarderError error);

        [LoggerMessage(EventIds.ExchangeCut, LogLevel.Information, "An exchange of route {Route} was cut: {Cause}")]
        public static partial void Cut(ILogger logger, string route, string cause);
    }
}
