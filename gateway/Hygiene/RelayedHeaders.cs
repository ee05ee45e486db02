using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>Which request headers reach a service: those listed here and those that the route relays, nothing else.</summary>
/// <remarks>
/// A list of what passes, because a list of what must not would miss the next <c>X-Remote-User</c>, <c>X_Forwarded_User</c>
/// or <c>X-HTTP-Method-Override</c>. The proxy writes <c>X-Forwarded-For</c>, <c>-Proto</c> and <c>-Host</c> afterwards.
/// </remarks>
internal static class RelayedHeaders
{
    private static readonly FrozenSet<string> _usual = FrozenSet.ToFrozenSet(
        [
            "Accept", "Accept-Charset", "Accept-Datetime", "Accept-Encoding", "Accept-Language", "Accept-Patch",
            "Access-Control-Request-Headers", "Access-Control-Request-Method",
            "Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location",
            "Content-MD5", "Content-Range", "Content-Type", "Date", "DNT", "Expect",
            "grpc-accept-encoding", "grpc-encoding", "grpc-timeout",
            "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
            "Last-Event-ID", "Link", "Origin", "Pragma", "Prefer", "Priority", "Range", "Referer", "Repr-Digest",
            "Sec-CH-UA", "Sec-CH-UA-Mobile", "Sec-CH-UA-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-GPC",
            "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version",
            "Upgrade-Insecure-Requests", "User-Agent", "Want-Content-Digest", "Want-Repr-Digest", "X-Requested-With",
            "tracestate", "baggage", // traceparent is written anew
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Copies what may pass to the request that goes to the service; the framing of its own connection is the proxy's.</summary>
    /// <param name="from">The caller's headers.</param>
    /// <param name="to">The request to the service.</param>
    /// <param name="relayed">What passes on this route beside the usual.</param>
    /// <param name="authorization">True: the gateway writes <c>Authorization</c> itself.</param>
    public static void Copy(IHeaderDictionary from, HttpRequestMessage to, FrozenSet<string> relayed, bool authorization)
    {
        var hop = Nominated(from);
        foreach (var (name, values) in from)
        {
            if (!(_usual.Contains(name) || relayed.Contains(name)) || hop?.Contains(name) == true) continue;
            if (authorization && name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)) continue;
            Add(to, name, values);
        }
        // An empty content that stands for none knows its own length, whatever the caller says.
        if (to.Content is { } content and not ByteArrayContent && from.ContentLength is { } length && from.TransferEncoding.Count == 0) content.Headers.ContentLength = length;
        // gRPC asks for trailers so; no other word of this header is for the next connection (RFC 9110 §10.1.4).
        if (from.TE.Count > 0 && to.Version.Major >= 2 && from.TE.ToString().Contains("trailers", StringComparison.OrdinalIgnoreCase)) to.Headers.TryAddWithoutValidation("TE", "trailers");
    }

    private static void Add(HttpRequestMessage to, string name, StringValues values)
    {
        if (values.Count == 1)
        {
            if (!to.Headers.TryAddWithoutValidation(name, values[0])) to.Content?.Headers.TryAddWithoutValidation(name, values[0]);
        }
        // HTTP/2 may split one cookie header into several lines (RFC 9113 §8.2.3).
        else if (name.Equals("Cookie", StringComparison.OrdinalIgnoreCase)) to.Headers.TryAddWithoutValidation(name, string.Join("; ", values.ToArray()));
        else if (!to.Headers.TryAddWithoutValidation(name, values.ToArray())) to.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
    }

    /// <summary>The caller's own hop-by-hop headers (RFC 9110 §7.6.1), removed before the gateway adds its own, so that none of those can be named away.</summary>
    private static HashSet<string>? Nominated(IHeaderDictionary headers)
    {
        var connection = headers.Connection;
        if (connection.Count == 0 || (connection.Count == 1 && connection[0] is "keep-alive" or "close" or "Upgrade")) return null;
        return new(headers.GetCommaSeparatedValues("Connection"), StringComparer.OrdinalIgnoreCase);
    }
}
