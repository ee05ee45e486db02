using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Explain;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>What of a request reaches the service, and what of its answer reaches the caller.</summary>
internal sealed class Relay(Explainer explainer, Outliers outliers, Retries retries)
{
    /// <summary>The proxy hands over the request and nothing else; an object for each is cheaper than finding the exchange by it.</summary>
    public HttpTransformer For(Exchange exchange) => new Crossing(this, exchange);

    private static void Request(Exchange exchange, HttpRequestMessage proxyRequest)
    {
        var http = exchange.Http;
        var request = http.Request;
        // 1. A place for what describes a content.
        if (proxyRequest.Content is null && TakesContent(request)) proxyRequest.Content = new ByteArrayContent([]);
        // 2. The caller's headers that may pass; what the gateway says itself cannot be said or named away by him.
        RelayedHeaders.Copy(request.Headers, proxyRequest, exchange.Route.Relayed, exchange.Authorization is not null);
        // 3. Who calls.
        var headers = proxyRequest.Headers;
        if (exchange.Authorization is { } authorization) headers.TryAddWithoutValidation("Authorization", authorization);
        // 4. Where from.
        if (http.Connection.RemoteIpAddress is { } address) headers.TryAddWithoutValidation("X-Forwarded-For", address.ToString());
        headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
        headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
        // 5. The trace: the caller's own goes on, otherwise it begins here.
        headers.TryAddWithoutValidation("traceparent", RequestTrace.Parent(http));
    }

    /// <summary>
    /// Whether an empty content stands where there is none. The handler repeats a request without content when an idle connection turns
    /// out to be closed; with one it does not, so a POST is never done twice, and all others have one only where a service may answer by
    /// its type. A WebSocket has none: its stream would end with it.
    /// </summary>
    private static bool TakesContent(HttpRequest request) =>
        !HttpMethods.IsConnect(request.Method) && request.Headers.Upgrade.Count == 0
        && (!Retries.IsIdempotent(request.Method) || (request.Headers.ContentType.Count > 0 && (HttpMethods.IsPut(request.Method) || request.ContentLength == 0)));

    private async ValueTask<bool> AnswerAsync(Exchange exchange, HttpResponseMessage proxyResponse, CancellationToken cancellationToken)
    {
        var response = exchange.Http.Response;
        outliers.Answered(exchange.At!, exchange.Era, exchange.IsProbe, (int)proxyResponse.StatusCode);
        if ((exchange.Next = retries.AfterAnswer(exchange, proxyResponse)) is not null) return false;
        exchange.Answered();
        var headers = response.Headers;
        RelayedAnswer.Copy(proxyResponse, headers, exchange.Route);
        if (exchange.Route.Sandbox) AnswerHeaders.KeepApart(headers);
        if (Explanations.Explains(response.StatusCode)) explainer.Answered(exchange, response.StatusCode);
        // A stream has begun when its service says so, not with the first message: whoever speaks first in it may be the caller.
        // The status of gRPC in the headers means that nothing follows, and then the two must leave together.
        if (IsStream(headers) && !headers.ContainsKey("grpc-status")) await response.Body.FlushAsync(cancellationToken);
        return true;
    }

    private static bool IsStream(IHeaderDictionary headers) => headers.ContentType is [{ } type]
        && (type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) || type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase));

    private sealed class Crossing(Relay relay, Exchange exchange) : HttpTransformer
    {
        public override ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            Request(exchange, proxyRequest);
            return default;
        }

        public override ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken) =>
            proxyResponse is null ? new(true) : relay.AnswerAsync(exchange, proxyResponse, cancellationToken);
    }
}
