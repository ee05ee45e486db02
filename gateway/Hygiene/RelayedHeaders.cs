using System.Collections.Frozen;

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
            "traceparent", "tracestate", "baggage",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>What the proxy itself needs of the caller's connection; it passes none of them on as they are.</summary>
    private static readonly FrozenSet<string> _framing = FrozenSet.ToFrozenSet(
        ["Connection", "Content-Length", "Host", "TE", "Transfer-Encoding", "Upgrade"], StringComparer.OrdinalIgnoreCase);

    public static void Strip(IHeaderDictionary headers, FrozenSet<string> relayed)
    {
        var hop = Nominated(headers);
        List<string>? gone = null;
        foreach (var header in headers)
        {
            if (!Passes(header.Key, relayed, hop)) (gone ??= []).Add(header.Key);
        }
        if (gone is null) return;
        foreach (var name in gone) headers.Remove(name);
    }

    private static bool Passes(string name, FrozenSet<string> relayed, HashSet<string>? hop) =>
        _framing.Contains(name) || ((_usual.Contains(name) || relayed.Contains(name)) && hop?.Contains(name) != true);

    /// <summary>The caller's own hop-by-hop headers (RFC 9110 §7.6.1), removed before the gateway adds its own, so that none of those can be named away.</summary>
    private static HashSet<string>? Nominated(IHeaderDictionary headers)
    {
        var connection = headers.Connection;
        if (connection.Count == 0 || (connection.Count == 1 && connection[0] is "keep-alive" or "close" or "Upgrade")) return null;
        return new(headers.GetCommaSeparatedValues("Connection"), StringComparer.OrdinalIgnoreCase);
    }
}
