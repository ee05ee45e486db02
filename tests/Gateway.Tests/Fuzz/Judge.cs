using System.Text;
using System.Text.RegularExpressions;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>What must be true of everything that reaches a service, written down once more, apart from the gateway's own code.</summary>
internal static partial class Judge
{
    /// <summary>Every header that a service may see.</summary>
    private static readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase)
    {
        "Accept", "Host", "User-Agent", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Sec-WebSocket-Version", "Sec-WebSocket-Key",
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "traceparent", "tracestate", "Authorization", "DPoP", "Cookie", "X-Identity-Zone-Id",
    };

    /// <summary>Of the caller's headers these alone reach the token service, which judges them itself.</summary>
    private static readonly HashSet<string> _relayed = new(StringComparer.OrdinalIgnoreCase) { "Authorization", "DPoP", "Cookie", "X-Identity-Zone-Id" };

    /// <summary>Whose request it was, and whether it was one that was hidden in another; null when it does not say.</summary>
    public static (int Number, bool Hidden)? Sender(Recorded request)
    {
        var mark = Mark().Match(request.Target) is { Success: true } match ? match : Mark().Match(request.Header("User-Agent") ?? "");
        return mark.Success ? (int.Parse(mark.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture), mark.Groups[2].Success) : null;
    }

    /// <summary>What is wrong with one request at a service; null when nothing is.</summary>
    public static string? Fault(Recorded request, Uri service, IReadOnlyList<string> scopes)
    {
        if (request is { Fault: { } fault, Cut: false }) return fault;
        foreach (var name in request.Headers.Select(header => header.Name))
        {
            if (!_known.Contains(name)) return $"the header {name} arrived";
        }
        foreach (var group in request.Headers.GroupBy(header => header.Name, StringComparer.OrdinalIgnoreCase))
        {
            if (group.Count() > 1 && group.Key is not "Cookie") return $"the header {group.Key} arrived twice";
        }
        var open = request.Service == "auth-service";
        foreach (var (name, value) in request.Headers)
        {
            if (value.Contains(HeaderTricks.Canary, StringComparison.Ordinal) && !(open && _relayed.Contains(name)) && name is not "Expect") return $"a canary arrived in {name}";
            if (!open && name.Equals("Authorization", StringComparison.OrdinalIgnoreCase) && (scopes.Count == 0 || !value.StartsWith("Bearer ey", StringComparison.OrdinalIgnoreCase))) return "a credential arrived that is none";
        }
        if (request.Header("Host") != service.Authority) return "another host";
        if (request.Header("X-Forwarded-For") != "127.0.0.1" || request.Header("X-Forwarded-Proto") != "http") return "forwarding headers that are not the gateway's";
        if (!ServedHost().IsMatch(request.Header("X-Forwarded-Host") ?? "")) return "a host that is not served";
        if (!Trace().IsMatch(request.Header("traceparent") ?? "")) return "no trace of the gateway's";
        if (request.Header("Upgrade") is { } upgrade && !upgrade.Equals("websocket", StringComparison.OrdinalIgnoreCase)) return "an upgrade to another protocol";
        return Readings(request.Target).Select(path => FaultOfPath(request, path, scopes)).FirstOrDefault(found => found is not null);
    }

    private static string? FaultOfPath(Recorded request, string path, IReadOnlyList<string> scopes)
    {
        var (service, granted) = Policy(request.Method, path, scopes);
        if (service != request.Service) return $"{path} belongs to {service ?? "nobody"}";
        return granted ? null : $"{path} is closed to this caller";
    }

    private static (string? Service, bool Granted) Policy(string method, string path, IReadOnlyList<string> scopes)
    {
        var segments = path.ToLowerInvariant().Split('/', StringSplitOptions.RemoveEmptyEntries);
        return segments switch
        {
            ["uaa", ..] => ("auth-service", true),
            ["accounts"] when method == "POST" => ("account-service", true),
            ["accounts", "demo"] when method == "GET" => ("account-service", true),
            ["accounts", ..] => ("account-service", scopes.Contains("ui") || scopes.Contains("server")),
            ["admin", ..] => ("admin-service", scopes.Contains("uaa.admin")),
            ["read", ..] => ("read-service", method is "GET" or "HEAD"),
            _ => (null, false),
        };
    }

    /// <summary>The path as any reader behind the gateway could take it: as it stands, unescaped as often as it goes, and walked along.</summary>
    private static IEnumerable<string> Readings(string target)
    {
        var path = target.Split('?')[0];
        for (var depth = 0; depth < 4; depth++)
        {
            yield return path;
            yield return Walked(path);
            var next = Unescaped(path);
            if (next == path) yield break;
            path = next;
        }
    }

    private static string Unescaped(string path) =>
        Escape().Replace(path, match => ((char)byte.Parse(match.Groups[1].ValueSpan, System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture)).ToString());

    private static string Walked(string path)
    {
        var walked = new List<string>();
        foreach (var segment in path.Split('?', '#')[0].Replace('\\', '/').Split('/').Select(part => part.Split(';')[0].Trim()))
        {
            if (segment == ".." && walked.Count > 0) walked.RemoveAt(walked.Count - 1);
            else if (segment is not ("" or "." or "..")) walked.Add(segment);
        }
        return new StringBuilder("/").AppendJoin('/', walked).ToString();
    }

    [GeneratedRegex(@"(?:fuzz/|m=)(\d+)(-hidden)?")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^(localhost|127\.0\.0\.1|\[::1\])(:\d{0,8})?$", RegexOptions.IgnoreCase)]
    private static partial Regex ServedHost();

    [GeneratedRegex("^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
    private static partial Regex Trace();

    [GeneratedRegex("%([0-9a-fA-F]{2})")]
    private static partial Regex Escape();
}
