using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Cors;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Explain;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Protocol;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>What of a request reaches the service, and what of its answer reaches the caller.</summary>
internal sealed class Relay(Explainer explainer, Outliers outliers, Retries retries) : HttpTransformer
{
    public override ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        var exchange = httpContext.Features.GetRequiredFeature<Exchange>();
        var request = httpContext.Request;
        // 1. The caller's headers that may pass; what the gateway says itself cannot be said or named away by him.
        RelayedHeaders.Copy(request.Headers, proxyRequest, exchange.Route.Relayed, exchange.Authorization is not null);
        // 2. Who calls.
        var headers = proxyRequest.Headers;
        if (exchange.Authorization is { } authorization) headers.TryAddWithoutValidation("Authorization", authorization);
        // 3. Where from.
        if (httpContext.Connection.RemoteIpAddress is { } address) headers.TryAddWithoutValidation("X-Forwarded-For", address.ToString());
        headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
        headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
        // 4. The trace: the caller's own goes on, otherwise it begins here.
        headers.TryAddWithoutValidation("traceparent", RequestTrace.Parent(httpContext));
        // 5. A request without content is repeated by the handler when an idle connection turns out to be closed; an empty
        // content forbids that, and a POST is never done twice.
        if (!Retries.IsIdempotent(request.Method) && !HttpMethods.IsConnect(request.Method)) proxyRequest.Content ??= new ByteArrayContent([]);
        return default;
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null) return true;
        var exchange = httpContext.Features.GetRequiredFeature<Exchange>();
        outliers.Answered(exchange.At!, exchange.Era, exchange.IsProbe, (int)proxyResponse.StatusCode);
        if ((exchange.Next = retries.AfterAnswer(exchange, proxyResponse)) is not null) return false;
        exchange.Answered();
        var pass = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        var headers = httpContext.Response.Headers;
        if (!exchange.Route.Cookies) headers.Remove("Set-Cookie");
        CrossOrigin.RemoveFrom(headers);
        if (exchange.Route.Sandbox) AnswerHeaders.KeepApart(headers);
        headers.Remove("Server");
        headers.Remove("X-Powered-By");
        RequestTrace.Show(httpContext); // the service has a trace header of its own
        if (httpContext.Response.StatusCode is 401 or 403 or >= 500) explainer.Answered(exchange, httpContext.Response.StatusCode);
        // A stream has begun when its service says so, not with the first message: whoever speaks first in it may be the caller.
        // The status of gRPC in the headers means that nothing follows, and then the two must leave together.
        if (pass && IsStream(headers) && !headers.ContainsKey("grpc-status")) await httpContext.Response.Body.FlushAsync(cancellationToken);
        return pass;
    }

    private static bool IsStream(IHeaderDictionary headers) => headers.ContentType is [{ } type]
        && (type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) || type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase));
}
