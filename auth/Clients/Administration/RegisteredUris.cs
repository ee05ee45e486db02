using System.Text.RegularExpressions;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>
/// Which addresses a client may register. They are compared letter by letter later (B-01): what looks like another address than
/// it is has no place among them (V-060, V-081).
/// </summary>
internal static partial class RegisteredUris
{
    private const int Longest = 2000;

    // What the answer of the authorize endpoint says itself (V-061).
    private static readonly string[] Answered = ["code", "state", "iss", "error", "error_description", "id_token", "access_token", "response"];

    /// <summary>What is wrong with a redirect URI; null when nothing is.</summary>
    /// <param name="uri">The URI.</param>
    /// <param name="native">A native client may use a scheme of its own (RFC 8252 §7.1).</param>
    /// <param name="anyHttp">Plain http to any host: the demo's.</param>
    public static string? RedirectFault(string uri, bool native, bool anyHttp)
    {
        if (TextFault(uri) is { } fault) return fault;
        var scheme = uri[..uri.IndexOf(':', StringComparison.Ordinal)];
        if (scheme is not ("http" or "https"))
            return native && scheme.Contains('.', StringComparison.Ordinal) && Private().IsMatch(uri) && QueryFault(uri) is null
                ? null
                : "must be http or https; a native client may use a private scheme in reverse domain form";
        if (WebFault(uri) is { } web) return web;
        if (scheme == "http" && !anyHttp && !IsLoopback(uri)) return "must be https; http is for loopback addresses alone";
        return QueryFault(uri);
    }

    /// <summary>What is wrong with an address that this service calls or shows; null when nothing is.</summary>
    /// <param name="uri">The URI.</param>
    /// <param name="loopback">Plain http to this machine: the demo's.</param>
    public static string? HttpsFault(string uri, bool loopback = false)
    {
        if ((TextFault(uri) ?? (uri.StartsWith("http", StringComparison.Ordinal) ? WebFault(uri) : null)) is { } fault) return fault;
        return uri.StartsWith("https://", StringComparison.Ordinal) || (loopback && uri.StartsWith("http://", StringComparison.Ordinal) && IsLoopback(uri))
            ? null
            : "must be an https URL";
    }

    /// <summary>What is wrong with an address kept for later; null when nothing is.</summary>
    public static string? LinkFault(string uri) => uri.StartsWith("http", StringComparison.Ordinal) ? TextFault(uri) ?? WebFault(uri) : "must be an http or https URL";

    /// <summary>What is wrong with the origin of a page (RFC 6454 §6.2); null when nothing is.</summary>
    public static string? OriginFault(string origin, bool anyHttp)
    {
        if (TextFault(origin) is { } fault) return fault;
        if (!origin.StartsWith("http", StringComparison.Ordinal) || WebFault(origin) is not null
            || !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin) return "must be an origin, such as https://app.example";
        return uri.Scheme == "https" || anyHttp || IsLoopback(origin) ? null : "must be https; http is for loopback addresses alone";
    }

    private static string? TextFault(string uri)
    {
        if (uri.Length > Longest) return $"must be no more than {Longest} characters in length";
        if (!Scheme().IsMatch(uri)) return "must be an absolute URI";
        if (!uri.All(c => c is > ' ' and <= '~' and not ('"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}'))) return "holds a character that no URI has";
        if (BadPercent().IsMatch(uri)) return "holds a broken percent encoding";
        if (uri.Contains('*', StringComparison.Ordinal)) return "must not hold a wildcard";
        return uri.Contains('#', StringComparison.Ordinal) ? "must not hold a fragment" : null;
    }

    private static string? WebFault(string uri)
    {
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https") || parsed.Host.Length == 0) return "must be an absolute URL with a host";
        if (parsed.UserInfo.Length > 0 || Authority(uri).Contains('@', StringComparison.Ordinal)) return "must not hold a user name";
        // Anything that a reader of URLs would write otherwise can be read otherwise (N-04).
        if (!uri.StartsWith(parsed.Scheme + "://" + Authority(uri), StringComparison.Ordinal) || Authority(uri).Any(char.IsAsciiLetterUpper)) return "must have scheme and host in lower case";
        if (Authority(uri).Contains('%', StringComparison.Ordinal) || Authority(uri).EndsWith(':')) return "must have a plain host";
        return Segments().IsMatch(uri.Split('?')[0]) ? "must not hold dot segments" : null;
    }

    private static string? QueryFault(string uri)
    {
        var question = uri.IndexOf('?', StringComparison.Ordinal);
        if (question < 0) return null;
        foreach (var part in uri[(question + 1)..].Split('&'))
            if (FormBody.Decode(part.Split('=')[0]) is not { } name || Answered.Contains(name, StringComparer.OrdinalIgnoreCase))
                return "must not name a parameter of the answer in its query";
        return null;
    }

    private static bool IsLoopback(string uri) => Host().Match(uri).Groups[1].Value is "127.0.0.1" or "[::1]" or "localhost";

    private static string Authority(string uri)
    {
        var start = uri.IndexOf("://", StringComparison.Ordinal);
        if (start < 0) return "";
        var end = uri.IndexOfAny(['/', '?'], start + 3);
        return end < 0 ? uri[(start + 3)..] : uri[(start + 3)..end];
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9+.-]*:.", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Scheme();

    // com.example.app:/callback: no authority, or a plain one.
    [GeneratedRegex(@"\A[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/{1,3}[A-Za-z0-9._~/-]*(\?[^#]*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Private();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})", RegexOptions.CultureInvariant)]
    private static partial Regex BadPercent();

    [GeneratedRegex(@"/(\.|%2e){1,2}(/|%2f|%5c|\z)|%2f|%5c|%00", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Segments();

    [GeneratedRegex(@"\Ahttps?://(\[[0-9a-f:]+\]|[^/?:]*)(:[0-9]+)?([/?]|\z)", RegexOptions.CultureInvariant)]
    private static partial Regex Host();
}
