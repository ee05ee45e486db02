using Microsoft.Extensions.Primitives;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>What browsers are told about the gateway's answers.</summary>
internal static class AnswerHeaders
{
    /// <summary>For what the gateway writes itself: nothing to load, to frame, to keep, to guess or to refer from.</summary>
    public static void Close(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
    }

    /// <summary>
    /// For what a service answers: all services share one origin with the pages of sign-in and consent, and a page of a service that
    /// was broken into could use them in the name of whoever looks at it. Without an origin and without script it cannot.
    /// </summary>
    public static void KeepApart(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        // Beside what the service says itself: of several policies each holds (CSP 3 §8.1).
        if (!IsData(headers.ContentType)) headers.ContentSecurityPolicy = StringValues.Concat(headers.ContentSecurityPolicy, "sandbox");
    }

    /// <summary>What no browser takes for a page when it must not guess.</summary>
    private static bool IsData(StringValues contentType) => contentType is [{ } type]
        && (type.StartsWith("application/json", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("text/plain", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase)
            || type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// For every answer over TLS: come back over TLS alone (RFC 6797). Not for the names of this machine, whose other
    /// programs share them.
    /// </summary>
    public static void KeepToTls(HttpContext http)
    {
        if (!http.Request.IsHttps || HygieneOptions.IsLocal(http.Request.Host.Host)) return;
        http.Response.OnStarting(static state =>
        {
            ((HttpResponse)state).Headers.StrictTransportSecurity = "max-age=31536000"; // not added: a service may have said it, too
            return Task.CompletedTask;
        }, http.Response);
    }
}
