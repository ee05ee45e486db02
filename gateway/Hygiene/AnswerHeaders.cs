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
