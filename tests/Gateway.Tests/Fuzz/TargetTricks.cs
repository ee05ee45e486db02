namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>Targets, methods, hosts and versions that two readers could take for different ones.</summary>
internal static class TargetTricks
{
    private static readonly string[] _dots = ["..", ".", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25%32%65.", "..;", "..;x=1", "%c0%ae%c0%ae", "..%00", "..%0a", "..%09", "...", ".. ", "..%20", "%u002e%u002e", "\uff0e\uff0e", "..#", "..?", "%2e%2e%2f", "..\\", ".%00."];
    private static readonly string[] _slashes = ["/", "//", "\\", "%2f", "%2F", "%5c", "%252f", "%255C", "/./", "///", "%c0%af", "/%20/", ";/", "/;/", "%00/", "/?/", "%3f/", "%23/", "%ef%bc%8f", "%e2%88%95", "/~/", "\t/", " /", "%09/", "%0a/"];
    private static readonly string[] _places = ["uaa", "accounts", "admin", "read", "accounts/demo", "accounts/current", "healthz", "actuator/health", "ADMIN", "Accounts", "%61dmin", "adm%69n", "%41ccounts", "admin%20", "admin.", "admin%00", "adm\u0131n", "\u00e4dmin", "a%64min;x", "", "x"];
    private static readonly string[] _methods =
        ["get", "Get", "GETX", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "TRACK", "DEBUG", "CONNECT", "PROPFIND", "MOVE", "COPY", "PRI", "SEARCH", "PURGE", "QUERY", "FOO", "GET\0", "G\tET", "GET\u00df", "\"GET\"", "", " GET", "POST GET", "X-HTTP", "M-SEARCH", "BAN", "_GET", "head"];
    private static readonly string[] _hosts =
    [
        "evil.example", "localhost.evil.example", "localhost@evil.example", "evil.example@localhost", "localhost,evil.example", "localhost, evil.example", "localhost evil.example", "localhost:80@evil.example", "localhost:", "localhost:x", "localhost:99999999", "localhost:-1", "localhost:80:80",
        "localhost.", "LOCALHOST", "loca\u00dfhost", "local%68ost", "localhost/admin", "localhost#", "localhost?x", "localhost\\x", "[::1]", "[::1]:80", "[::1", "::1", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "127.0.0.1.", "0", "", " ", "\"localhost\"", "local_host", "admin-service", "auth-service:80",
        "localhost\0", "localhost\t", "\u00e4.example", "localhost;x", "localhost&x", "http://localhost", "localhost:80 ", "[localhost]", "[::ffff:127.0.0.1]",
    ];
    private static readonly string[] _versions =
        ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/2", "HTTP/3", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", " HTTP/1.1", "HTTP/01.1", "HTTP/1.10", "HTTP/1,1", "HTTP/1.1\t", "HTTP/11", "HTTP/ 1.1", "HTTPS/1.1", "ICY/1.1", "", "HTTP/1.1 HTTP/1.1", "HTTP/1.1\0", "HTTP/-1.1", "HTTP/1.1x"];

    public static void Path(Draft draft)
    {
        draft.Kind += "path ";
        // Most often from an open place towards a closed one, by the steps that somebody could take for others.
        var path = draft.Chance(75) ? "/" : draft.Pick("//", "\\", "%2f", ".", "*", "?", "#", ";", "/./", "/%2e/", "/;/");
        path += draft.Chance(75) ? draft.Pick("uaa", "uaa", "uaa/x", "read", "accounts/demo") : draft.Pick(_places);
        for (var steps = draft.Dice.Next(0, 4); steps > 0; steps--)
            path += (draft.Chance(50) ? "/" : draft.Pick(_slashes)) + (draft.Chance(60) ? draft.Pick(_dots) : draft.Pick(_places));
        path += draft.Pick(_slashes) + (draft.Chance(75) ? draft.Pick("admin/x", "admin", "accounts/current", "uaa/x") : draft.Pick(_places));
        draft.Path = path + (draft.Chance(20) ? draft.Pick(_slashes) : "");
    }

    public static void Form(Draft draft)
    {
        draft.Kind += "form ";
        var place = "/" + draft.Pick(_places);
        draft.Path = draft.Pick(
            "http://localhost" + place, "https://localhost" + place, "http://evil.example" + place, "HTTP://LOCALHOST" + place, "http:/" + place, "http:" + place, "//evil.example" + place, "//localhost" + place, "localhost:80", "evil.example:443", "*", "**", "", "/", "admin/x", "?x", "#", "@evil.example/", ":80/", ".",
            "http://localhost", "http://localhost@evil.example" + place, "file:///etc/passwd", "javascript:alert(1)", "http://[::1" + place, "http://admin-service" + place, "ws://localhost" + place, "/uaa/x /admin/x", "/uaa/x\t", "/uaa/x\0/admin", "/uaa/x\u000b", "/uaa/\u00e4", "/uaa/x#/../admin", "/uaa/http://localhost/admin");
        if (draft.Chance(20)) draft.Query = "";
    }

    public static void Query(Draft draft)
    {
        draft.Kind += "query ";
        draft.Path = draft.Pick("/admin/x", "/accounts/current", "/uaa/x", "/read/x");
        draft.Query += "&" + draft.Pick(
            "x=/uaa/", "x=/accounts/demo", "_method=POST", "_method=DELETE", "x=%", "x=%zz", "x=%u0041", "x=%00", "x=%0d%0aX-User:canary", "x=\u00ff", "x=\t", "x=#/uaa", "access_token=canary", "x=a;b=c", "x[]=1&x[]=2", "?/uaa/x", "%23", "x=..%2f..%2fadmin", "x=%ff%fe", "url=http://evil.example", "x=\\..\\admin", "x=\"<>", "x=^`{|}", "x=%2");
    }

    public static void Method(Draft draft)
    {
        draft.Kind += "method ";
        draft.Method = draft.Pick(_methods);
        draft.Path = draft.Pick("/accounts/demo", "/read/x", "/accounts/", "/uaa/x", "/admin/x");
        if (draft.Chance(50)) draft.Add($"{draft.Pick("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method", "X_HTTP_METHOD_OVERRIDE")}: {draft.Pick("GET", "POST", "DELETE", "canary")}");
        // Such a request says no length, and its answer may have a body or not: the bytes behind it are read as they come.
        draft.Ends = draft.Method is not "CONNECT";
    }

    public static void Host(Draft draft)
    {
        draft.Kind += "host ";
        var host = draft.Pick(_hosts);
        draft.Host = draft.Dice.Next(6) switch
        {
            0 => "",
            1 => "host: " + host,
            2 => "HOST:" + host,
            3 => "Host:\t" + host + "\t",
            4 => "Host: " + host + "\r\nX-Forwarded-Host: canary.example\r\nX-Host: canary",
            _ => "Host: " + host,
        };
    }

    public static void Version(Draft draft)
    {
        draft.Kind += "version ";
        draft.Version = draft.Pick(_versions);
        if (draft.Chance(20)) draft.Host = "";
        // A request of HTTP/0.9 has no end that both sides agree on.
        draft.Ends = draft.Version.Length > 0;
    }

    public static void Lines(Draft draft)
    {
        draft.Kind += "lines ";
        if (draft.Chance(40))
        {
            draft.LineEnd = draft.Pick("\n", "\r", "\n\r", "\r\r\n", "\r\n ", "\u0085", "\0\r\n");
            draft.Ends = false;
        }
        else draft.Method = draft.Pick("\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", "\0", "\u00ef\u00bb\u00bf", "\u0016\u0003\u0001", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PROXY TCP4 127.0.0.1 127.0.0.1 1 1\r\n") + "GET";
    }
}
