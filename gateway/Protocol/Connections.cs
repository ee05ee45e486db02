namespace SecureMesh.Gateway.Protocol;

/// <summary>What becomes of the caller's connection.</summary>
internal static class Connections
{
    /// <summary>Ends it with this answer, also where HTTP/1.0 would keep it. In HTTP/2 and 3 a request ends by itself, and no other can hide behind it.</summary>
    public static void CloseAfter(HttpContext http)
    {
        if (!HttpProtocol.IsHttp2(http.Request.Protocol) && !HttpProtocol.IsHttp3(http.Request.Protocol)) http.Response.Headers.Connection = "close";
    }
}
