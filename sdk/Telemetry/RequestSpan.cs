using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace SecureMesh.Sdk;

/// <summary>
/// What a span of a request tells (OpenTelemetry semantic conventions for HTTP servers); this version of the framework
/// leaves it bare. The query is not told: it may hold codes and names.
/// </summary>
internal static class RequestSpan
{
    public static void Describe(Activity? span, HttpContext http)
    {
        // Without a listener the span comes from no source and nobody will read it.
        if (span is not { IsAllDataRequested: true, Source.Name.Length: > 0 }) return;
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        var status = http.Response.StatusCode;
        span.SetTag("http.request.method", http.Request.Method);
        span.SetTag("url.scheme", http.Request.Scheme);
        span.SetTag("url.path", http.Request.Path.Value);
        span.SetTag("http.response.status_code", status);
        if (route is not null) span.SetTag("http.route", route);
        span.DisplayName = route is null ? http.Request.Method : $"{http.Request.Method} {route}";
        if (status >= 500) span.SetStatus(ActivityStatusCode.Error);
    }
}
