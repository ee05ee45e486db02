using System.Collections.Frozen;
using System.Net.Http.Headers;
using Microsoft.Extensions.Primitives;
using Route = SecureMesh.Gateway.Routes.Route;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>Which response headers of a service reach the caller: all but those listed here.</summary>
internal static class RelayedAnswer
{
    /// <summary>What concerns the connection to the service alone (RFC 9110 §7.6.1), what the gateway says itself, and what is nobody's business.</summary>
    private static readonly string[] _never =
    [
        "Alt-Svc", "Close", "Connection", "HTTP2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection",
        "TE", "Transfer-Encoding", "Upgrade",
        "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
        "Server", "X-Powered-By", "X-Trace-Id",
    ];

    /// <summary>
    /// What would hold for the whole origin, which all services share: scripts that outlive the page, the deletion of what others store, reports to a
    /// third party of whatever the browser calls here.
    /// </summary>
    private static readonly string[] _ofOrigin = ["Clear-Site-Data", "NEL", "Origin-Agent-Cluster", "Report-To", "Reporting-Endpoints", "Service-Worker-Allowed"];

    // By cookies and sandbox of the route.
    private static readonly FrozenSet<string>[] _dropped = [Dropped(["Set-Cookie"], []), Dropped(["Set-Cookie"], _ofOrigin), Dropped([], []), Dropped([], _ofOrigin)];

    /// <summary>Copies what may pass; the length as the proxy sends it on.</summary>
    public static void Copy(HttpResponseMessage from, IHeaderDictionary to, Route route)
    {
        var dropped = _dropped[(route.Cookies ? 2 : 0) + (route.Sandbox ? 1 : 0)];
        var hop = Nominated(from.Headers);
        Copy(from.Headers, to, dropped, hop);
        Copy(from.Content.Headers, to, dropped, hop);
        // A transfer coding overrides a length (RFC 9112 §6.3), and where there is no content none may be told (RFC 9110 §8.6).
        if (to.ContentLength is not null && ((int)from.StatusCode is 204 or < 200 || from.Headers.NonValidated.Contains("Transfer-Encoding"))) to.ContentLength = null;
    }

    private static void Copy(HttpHeaders from, IHeaderDictionary to, FrozenSet<string> dropped, HashSet<string>? hop)
    {
        foreach (var (name, values) in from.NonValidated)
        {
            if (dropped.Contains(name) || hop?.Contains(name) == true) continue;
            to[name] = values.Count == 1 ? values.ToString() : new StringValues([.. values]);
        }
    }

    private static HashSet<string>? Nominated(HttpResponseHeaders headers) =>
        headers.NonValidated.TryGetValues("Connection", out var connection) && connection.ToString() is not ("keep-alive" or "close" or "Upgrade")
            ? new(connection.SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)), StringComparer.OrdinalIgnoreCase)
            : null;

    private static FrozenSet<string> Dropped(string[] cookies, string[] ofOrigin) => FrozenSet.ToFrozenSet([.. _never, .. cookies, .. ofOrigin], StringComparer.OrdinalIgnoreCase);
}
