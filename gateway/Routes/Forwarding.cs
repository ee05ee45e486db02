using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Routes;

/// <summary>The first step of the proxy: what the route grants the request, and what the caller reads when no service answers.</summary>
internal sealed partial class Forwarding(RequestDelegate next, TimeProvider time, ILogger<Forwarding> logger)
{
    /// <summary>What nginx logs when the client closed the connection; nobody receives it.</summary>
    private const int ClientClosedRequest = 499;

    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(2);

    public async Task InvokeAsync(HttpContext http)
    {
        var route = http.GetEndpoint()!.Metadata.GetRequiredMetadata<Route>();
        // 1. Size.
        if (http.Request.ContentLength > route.MaxBodyBytes)
        {
            await http.RefuseAsync(TooLarge);
            return;
        }
        // Of a body that told its length the server takes as much as the route does; one in chunks it counts.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size
            && (http.Request.ContentLength is null || size.MaxRequestBodySize < route.MaxBodyBytes)) size.MaxRequestBodySize = route.MaxBodyBytes;
        // 2. Headers: the policy has read what it needs.
        RelayedHeaders.Strip(http.Request.Headers, route.Relayed);
        // 3. The service, within the route's time.
        using var exchange = new Exchange(http, route.Timeout, time);
        await next(http);
        // 4. Its answer has passed, or there is none.
        if (http.Features.Get<IForwarderErrorFeature>() is { } failure) await AnswerAsync(http, route, exchange, failure);
    }

    private async Task AnswerAsync(HttpContext http, Route route, Exchange exchange, IForwarderErrorFeature failure)
    {
        if (exchange.CallerLeft)
        {
            if (!http.Response.HasStarted) http.Response.StatusCode = ClientClosedRequest;
            Log.CallerLeft(logger, route.Id, failure.Error);
            return;
        }
        Log.NoAnswer(logger, route.Id, failure.Error, Cause(failure.Exception));
        if (http.Response.HasStarted) return; // the proxy has cut the connection: half an answer must not look whole
        var problem = exchange.TimedOut ? TimedOut : ProblemOf(failure.Error, http.Response.StatusCode);
        http.Response.Clear();
        exchange.Dispose(); // the answer is ours and must not be cut by the time that ran out
        await http.RefuseAsync(problem);
    }

    private static Problem ProblemOf(ForwarderError error, int status) => error switch
    {
        ForwarderError.NoAvailableDestinations => new(503, "temporarily_unavailable", "The service cannot answer at the moment; try again later") { RetryAfter = _retryAfter },
        ForwarderError.RequestTimedOut => TimedOut,
        ForwarderError.RequestBodyClient when status == StatusCodes.Status413PayloadTooLarge => TooLarge,
        ForwarderError.RequestBodyClient when status == StatusCodes.Status408RequestTimeout => new(408, "request_timeout", "The request took too long to arrive"),
        ForwarderError.RequestBodyClient => new(400, "invalid_request", "The request body cannot be read"),
        _ when status == StatusCodes.Status504GatewayTimeout => TimedOut,
        _ when status == StatusCodes.Status400BadRequest => new(400, "invalid_request", "The request cannot be passed on"),
        _ => new(502, "bad_gateway", "The service gave no usable answer"),
    };

    private static Problem TimedOut => new(504, "gateway_timeout", "The service did not answer in time");

    private static Problem TooLarge => new(413, "request_too_large", "The request body is too large");

    /// <summary>Messages of the transport name addresses and errors of the socket, never content.</summary>
    private static string Cause(Exception? exception) => exception switch
    {
        null => "no instance",
        AggregateException { InnerExceptions: [var first, ..] } => Cause(first),
        _ => exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message,
    };

    private static partial class Log
    {
        [LoggerMessage(EventIds.NoAnswer, LogLevel.Warning, "Route {Route} got no answer, {Error}: {Cause}")]
        public static partial void NoAnswer(ILogger logger, string route, ForwarderError error, string cause);

        [LoggerMessage(EventIds.CallerLeft, LogLevel.Debug, "The caller of route {Route} left, {Error}")]
        public static partial void CallerLeft(ILogger logger, string route, ForwarderError error);
    }
}
