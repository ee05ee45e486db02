using System.Text;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>Headers that want to be believed: identities, hops, schemes, and nominations that want the gateway's own away.</summary>
internal static class HeaderTricks
{
    /// <summary>Stands in every value that must not arrive.</summary>
    public const string Canary = "canary";

    private static readonly string[] _names =
    [
        "X-User", "X-User-Id", "X-Username", "X-Remote-User", "Remote-User", "X-Auth-User", "X-Auth-Request-Email", "X-Auth-Token", "X-Access-Token", "X-Api-Key", "X-Scopes", "X-Tenant", "X-Groups", "X-Roles",
        "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Uri", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Client-Cert",
        "X-Forwarded-Access-Token", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded", "Forwarded-For", "Forwarded", "X-Scheme", "X-Url-Scheme", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP",
        "CF-Connecting-IP", "X-Cluster-Client-IP", "X-ProxyUser-Ip", "X-Original-URL", "X-Original-Uri", "X-Original-Host", "X-Original-For", "X-Original-Method", "X-Rewrite-URL", "X-Original-Remote-Addr", "X-Accel-Redirect", "X-Sendfile",
        "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-HTTP-Path-Override", "X-HTTP-Host-Override", "X-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify", "X-SSL-Client-S-DN", "SSL-Client-Cert", "Client-Cert", "Client-Cert-Chain", "X-ARR-ClientCert",
        "X-Envoy-Original-Path", "X-Envoy-Internal", "X-Envoy-External-Address", "X-B3-TraceId", "b3", "X-Middleware-Subrequest", "X-Passport", "Passport", "Proxy-Authorization", "Proxy-Connection", "Proxy", "Via", "X-Host",
        "X-Trace-Id", "X-Request-Id", "X-Correlation-Id", "Keep-Alive", "HTTP2-Settings", "Alt-Used", "Front-End-Https", "X-Webauth-User", "X-Spiffe-Id", "X-MS-Client-Principal", "X-Goog-IAP-JWT-Assertion", "X-Amzn-Oidc-Identity", "X-Amzn-Oidc-Data",
        "X-Identity-Zone-Id", "X-Identity-Zone-Subdomain", "X-CF-ENCODED-CREDENTIALS", "Cookie", "Cookie2", "DPoP", "Set-Cookie", "X-CSRF-Token", "Signature", "Signature-Input", "X-Served", "Trailer", "TE", "Sec-Token-Binding", "Authentication-Info", "X-Content-Length",
    ];

    private static readonly string[] _own = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "traceparent", "tracestate", "Host", "Authorization", "Cookie", "User-Agent", "Content-Length", "Transfer-Encoding", "TE", "Upgrade", "Connection", "Accept"];

    public static void Identity(Draft draft)
    {
        draft.Kind += "identity ";
        for (var count = draft.Chance(20) ? draft.Dice.Next(2, 60) : 1; count > 0; count--) draft.Add($"{Spelled(draft)}: {Value(draft)}");
    }

    /// <summary>What no server may take for a header (RFC 9112 §5).</summary>
    public static void Malformed(Draft draft)
    {
        draft.Kind += "malformed ";
        var name = draft.Pick(_names);
        var value = Value(draft);
        draft.Add(draft.Pick(
            $"{name} : {value}", $"{name}\t: {value}", $" {name}: {value}", $"\t{name}: {value}", $": {value}", $"{name}", $"{name}\0: {value}", $"{name}: {value}\0", $"{name}: \0{value}", $"{name} X: {value}",
            $"{name}: a\r\n {value}", $"{name}: a\r\n\t{value}", $"{name}: a\n{name}: {value}", $"{name}: a\r{name}: {value}", $"A: b\n\n{name}: {value}", $"A: b\r\n\n{name}: {value}", $"A: b\n\r\n{name}: {value}"));
        draft.Refused = true;
    }

    /// <summary>Names that are none (RFC 9110 §5.1); Kestrel takes some of them, and nobody relays one.</summary>
    public static void Named(Draft draft)
    {
        draft.Kind += "named ";
        var name = draft.Pick(_names);
        name = draft.Pick($"\"{name}\"", $"{name}(x)", $"{name}\u00df", $"{name}\u00e2\u0080\u0090", $"{name},X", $"{name};", $"{name}[]", $"/{name}", $"{name}=", $"@{name}", $"{name}\\", $"{name}\u007f", $"{name}\u0001", $"{{{name}}}");
        draft.Add($"{name}: {Value(draft)}");
    }

    public static void Nomination(Draft draft)
    {
        draft.Kind += "nomination ";
        for (var lines = draft.Dice.Next(1, 4); lines > 0; lines--)
        {
            var names = Enumerable.Range(0, draft.Dice.Next(0, 5)).Select(_ => draft.Pick(draft.Pick(_own), draft.Pick(_names), "close", "keep-alive", "", " ", "\"X-Forwarded-For\"", "X-Forwarded-For;q=1", "x_forwarded_for", "*", "CLOSE"));
            draft.Add($"{Cased(draft, "Connection")}: {string.Join(draft.Pick(",", ", ", " ,\t", ",,"), names)}");
        }
    }

    /// <summary>More than a server should keep, or a single name that is longer than it reads.</summary>
    public static void Oversized(Draft draft)
    {
        draft.Kind += "oversized ";
        switch (draft.Dice.Next(4))
        {
            case 0: draft.Add(draft.Pick(_names) + new string('x', draft.Dice.Next(100, 40_000)) + ": " + Canary); break;
            case 1: draft.Add(draft.Pick(_names) + ": " + Canary + new string('x', draft.Dice.Next(100, 40_000))); break;
            case 2: draft.Query += "&q=" + new string('x', draft.Dice.Next(100, 20_000)); break;
            default:
                for (var count = draft.Dice.Next(50, 200); count > 0; count--) draft.Lines.Add($"{Spelled(draft)}: {Canary}");
                break;
        }
    }

    /// <summary>Headers of which two are one too many, and credentials that only look like one.</summary>
    public static void Doubled(Draft draft)
    {
        draft.Kind += "doubled ";
        switch (draft.Dice.Next(6))
        {
            case 0: draft.Add(Cased(draft, "Host") + ": " + draft.Pick("localhost", "evil.example", "", "127.0.0.1")); draft.Refused = true; break;
            case 1: draft.Add("DPoP: a"); draft.Add(Cased(draft, "DPoP") + ": b"); draft.Refused = true; break;
            case 2: draft.Add("Content-Type: text/plain"); draft.Add(Cased(draft, "Content-Type") + ": text/html"); draft.Refused = true; break;
            case 3: draft.Add("Authorization: Basic Y2FuYXJ5OmNhbmFyeQ=="); draft.Add(Cased(draft, "Authorization") + ": Basic Y2FuYXJ5Og=="); draft.Refused = true; break;
            case 4: draft.Add("Cookie: a=canary"); draft.Add("Cookie: a=canary2; ;=;\u00ff"); break;
            default: draft.Add("traceparent: 00-canary"); draft.Add("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); break;
        }
    }

    /// <summary>A name as another reader might fold it to the one that counts.</summary>
    private static string Spelled(Draft draft)
    {
        var name = draft.Pick(_names);
        return draft.Dice.Next(8) switch
        {
            0 => name.Replace('-', '_'),
            1 => Cased(draft, name).Replace("-", draft.Pick("_", "-", "."), StringComparison.Ordinal),
            2 => "HTTP_" + name.ToUpperInvariant().Replace('-', '_'),
            3 => name + draft.Pick("_", "-", ".", "~", "'", "|", "1", "*"),
            4 => draft.Pick("_", "-", ".", "X-", "x_", "Real-") + name,
            5 or 6 => Cased(draft, name),
            _ => name,
        };
    }

    private static string Cased(Draft draft, string name)
    {
        var text = new StringBuilder();
        foreach (var letter in name) text.Append(draft.Chance(50) ? char.ToUpperInvariant(letter) : char.ToLowerInvariant(letter));
        return text.ToString();
    }

    private static string Value(Draft draft) => draft.Pick(
        Canary, "canary, 127.0.0.1", "127.0.0.1, canary", "canary@evil.example", "https;canary", "for=canary;proto=https", "canary\t\tx", "canary%0d%0aX-User: canary", "canary\u0001\u001f", "canary\u00e4\u00ff", "\"canary", "canary;,;=", "${canary}", "PUT canary",
        "=?utf-8?q?canary?=", "canary " + new string(' ', 200), new string('9', 300) + Canary, "{\"sub\":\"canary\"}", "/admin/x?canary", "1 canary", "[canary", "unknown canary");
}
