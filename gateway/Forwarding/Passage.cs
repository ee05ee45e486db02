using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Cors;
using SecureMesh.Gateway.Limits;
using SecureMesh.Gateway.Passport;
using SecureMesh.Gateway.Protocol;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>The way of a request through the gateway, from top to bottom.</summary>
internal sealed class Passage(RequestLimits limits, Gate gate, Identity identity, Forwarder forwarder, TimeProvider time)
{
    public async Task HandleAsync(HttpContext http, Route route)
    {
        // 1. A browser that asks whether a page may call shows no credential; and the page may read a refusal, too.
        if (route.Cors is { } cors && await CrossOrigin.AnswersAsync(http, cors)) return;
        // 2. How many: before anything that costs more than counting.
        if (limits.Refuse(http, route) is { } limited)
        {
            await http.RefuseAsync(limited);
            return;
        }
        // 3. How large. Of a body that told its length the server takes as much as the route does; one in chunks it counts.
        if (http.Request.ContentLength > route.MaxBodyBytes)
        {
            await http.RefuseAsync(new Refusal(Forwarder.TooLarge, $"{http.Request.ContentLength} bytes"));
            return;
        }
        var hasBody = CanHaveBody(http);
        if (hasBody && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size
            && (http.Request.ContentLength is null || size.MaxRequestBodySize < route.MaxBodyBytes)) size.MaxRequestBodySize = route.MaxBodyBytes;
        // 4. Who, and whether he may. A public route asks nobody: there the service judges.
        Caller? caller = null;
        string? authorization = null;
        if (!route.Public)
        {
            var verdict = await gate.AdmitAsync(http, route);
            if (verdict.Caller is { } admitted && limits.Refuse(http, route, admitted) is { } refusal) verdict = refusal;
            caller = verdict.Caller;
            if (caller is null)
            {
                await http.RefuseAsync(verdict.Refusal!);
                return;
            }
            http.User = caller.Principal;
            // 5. What the service gets to know of him.
            var shown = identity.TryShow(caller, route, http, out var ready) ? ready : await identity.AskAsync(caller, route, http);
            if (shown.Refusal is not null)
            {
                await http.RefuseAsync(shown.Refusal.On(route));
                return;
            }
            authorization = shown.Authorization;
        }
        // 6. Who is let in may be silent within a stream of gRPC until the route's time or the idle time ends it. The server
        // would end the whole connection for it, with all other streams.
        if (caller is not null && IsStream(http.Request)) http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        // 7. To an instance and back.
        using var exchange = new Exchange(http, route, caller, authorization, hasBody, time);
        await forwarder.SendAsync(exchange);
    }

    /// <summary>In HTTP/1 the headers say it (RFC 9112 §6.3), later the frames.</summary>
    private static bool CanHaveBody(HttpContext http) => HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol)
        ? http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0
        : http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    private static bool IsStream(HttpRequest request) =>
        HttpProtocol.IsHttp2(request.Protocol) && request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);
}
