using Microsoft.AspNetCore.Http.Features;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>Refuses, before anything is decided about it, a request that gateway and service could read differently.</summary>
internal sealed class RequestGuard(LastGood<HygieneOptions> options)
{
    public Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (Fault(http) is not { } problem)
        {
            KeepWebSocketsAlone(http.Request);
            AnswerHeaders.KeepToTls(http);
            return next(http);
        }
        Connections.CloseAfter(http); // what follows on it may be anything
        return http.RefuseAsync(problem);
    }

    /// <summary>Why the request is refused; null when it may go on.</summary>
    public Problem? Fault(HttpContext http)
    {
        var request = http.Request;
        // 1. The target as it came, before the framework normalised it (RFC 9112 §3.2).
        var target = http.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        if (RequestTarget.Fault(target) is { } fault) return Invalid(fault);
        // 2. The method. Case counts (RFC 9110 §9.1) but the framework folds it: `head` would be routed as one method and
        // answered as another. A trace would show the caller what the gateway adds. A CONNECT is no tunnel but a WebSocket
        // over HTTP/2 (RFC 8441), or refused.
        var method = request.Method;
        if (method.AsSpan().ContainsAnyInRange('a', 'z') || HttpMethods.IsTrace(method) || (HttpMethods.IsConnect(method) && !IsWebSocket(http)))
            return new(405, "method_not_allowed", "This address does not take the method");
        // 3. The name under which the gateway was called: links and cookies never depend on it, but a cache or a log might.
        if (!request.Host.HasValue) return Invalid("The Host header is missing");
        if (!options.Value.Serves(request.Host.Value)) return new(421, "misdirected_request", "This host is not served here");
        // 4. One length only (RFC 9112 §6.1). Kestrel files a length beside a transfer coding under the second name.
        var headers = request.Headers;
        if (headers.TransferEncoding is { Count: > 0 } coding)
        {
            if (headers.ContentLength is not null || headers.ContainsKey("X-Content-Length")) return Invalid("The request has two lengths");
            // Kestrel looks at the last coding alone, and at it in HTTP/1.0, which knows none: others read on where it sees the end.
            if (coding.Count > 1 || !"chunked".Equals(coding[0], StringComparison.OrdinalIgnoreCase) || HttpProtocol.IsHttp10(request.Protocol))
                return Invalid("The transfer coding is not accepted here");
        }
        // 5. One value only: of two, one reader believes the first and another the last.
        if (Doubled(headers) is { } name) return Invalid($"The header {name} stands there more than once");
        return null;
    }

    /// <summary>
    /// A WebSocket begins with a GET (RFC 6455 §4.1). The proxy would forward any method with an upgrade as a GET, which
    /// the policy never saw, and other protocols too; without the header it is the request that it says it is (RFC 9110 §7.8).
    /// </summary>
    private static void KeepWebSocketsAlone(HttpRequest request)
    {
        var upgrade = request.Headers.Upgrade;
        if (upgrade.Count == 0 || (upgrade.Count == 1 && "websocket".Equals(upgrade[0], StringComparison.OrdinalIgnoreCase) && HttpMethods.IsGet(request.Method))) return;
        request.Headers.Remove("Upgrade");
    }

    private static string? Doubled(IHeaderDictionary headers) => headers switch
    {
        { Authorization.Count: > 1 } => "Authorization",
        { Host.Count: > 1 } => "Host",
        { ContentType.Count: > 1 } => "Content-Type",
        _ => headers.TryGetValue("DPoP", out var proofs) && proofs.Count > 1 ? "DPoP" : null,
    };

    private static bool IsWebSocket(HttpContext http) => http.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true, Protocol: "websocket" };

    private static Problem Invalid(string detail) => new(400, "invalid_request", detail);
}
