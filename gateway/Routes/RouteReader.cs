using System.Buffers;
using System.Globalization;
using SecureMesh.Gateway.Limits;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Routes;

/// <summary>Reads the section <c>gateway:routes</c> and finds all faults at once, each by the key that an operator types.</summary>
internal sealed class RouteReader
{
    private static readonly string[] _fields =
        ["path", "methods", "service", "access", "scopes", "timeout", "relay", "limits", "maxBodyBytes", "cookies"];

    private static readonly string[] _methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    private static readonly TimeSpan _longest = TimeSpan.FromHours(1);

    private static readonly SearchValues<char> _token =
        SearchValues.Create("!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> _service = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Headers that belong to a connection or to its framing, or that the gateway writes itself.</summary>
    private static readonly string[] _neverRelayed =
        ["Connection", "Content-Length", "Expect", "Forwarded", "Host", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "X-Real-IP"];

    private readonly List<string> _faults = [];
    private readonly Dictionary<string, List<Route>> _byPath = new(StringComparer.Ordinal);

    private RouteReader() { }

    public static (IReadOnlyList<Route> Routes, IReadOnlyList<string> Faults) Read(IConfiguration configuration)
    {
        var reader = new RouteReader();
        var routes = configuration.GetSection("gateway:routes").GetChildren().Select(reader.ReadRoute).OfType<Route>().ToList();
        if (routes.Count == 0 && reader._faults.Count == 0) reader._faults.Add("gateway:routes is empty: the gateway would serve nothing.");
        return (routes, reader._faults);
    }

    private Route? ReadRoute(IConfigurationSection section)
    {
        var before = _faults.Count;
        foreach (var field in section.GetChildren())
        {
            if (!_fields.Contains(field.Key, StringComparer.OrdinalIgnoreCase)) Fault(section, field.Key, "is no field of a route");
        }
        var route = new Route(section.Key, Path(section), Service(section))
        {
            Methods = Methods(section),
            Public = Public(section),
            Scopes = Scopes(section),
            Timeout = Timeout(section),
            Relay = Relay(section),
            Cookies = Cookies(section),
            PerAddress = PerAddress(section),
            MaxBodyBytes = MaxBodyBytes(section),
        };
        if (_faults.Count == before && route.Public == route.Scopes.Count > 0)
            _faults.Add($"gateway:routes:{section.Key} needs either access: public or scopes" + (route.Public ? ", not both." : "."));
        if (_faults.Count == before) CheckUnique(route);
        return _faults.Count == before ? route : null;
    }

    private string Path(IConfigurationSection section)
    {
        var path = section["path"] ?? "";
        if (path.Length == 0) Fault(section, "path", "is missing");
        else if (RoutePath.Fault(path) is { } fault) Fault(section, "path", fault);
        return path;
    }

    private string Service(IConfigurationSection section)
    {
        var service = section["service"] ?? "";
        if (service.Length == 0) Fault(section, "service", "is missing");
        else if (service.Length > 63 || service.AsSpan().ContainsAnyExcept(_service)) Fault(section, "service", $"must be a wire name (lower case letters, digits, hyphens), not '{service}'");
        return service;
    }

    private List<string> Methods(IConfigurationSection section)
    {
        var methods = List(section, "methods");
        foreach (var method in methods.Where(method => !_methods.Contains(method)))
            Fault(section, "methods", $"must be of {string.Join(", ", _methods)}, not '{method}'");
        return methods;
    }

    private bool Public(IConfigurationSection section)
    {
        var access = section["access"];
        if (access is not (null or "public")) Fault(section, "access", $"must be 'public' or left out, not '{access}'");
        return access == "public";
    }

    private List<string> Scopes(IConfigurationSection section)
    {
        var scopes = List(section, "scopes");
        foreach (var scope in scopes.Where(scope => scope.Length == 0 || scope.Any(c => c is <= ' ' or '"' or '\\' or >= '\x7f')))
            Fault(section, "scopes", $"must be scope names (RFC 6749 §3.3), not '{scope}'");
        return scopes;
    }

    private TimeSpan Timeout(IConfigurationSection section)
    {
        var text = section["timeout"];
        if (text is null) return TimeSpan.FromSeconds(30);
        if (MeshDuration.TryParse(text, out var timeout) && timeout > TimeSpan.Zero && timeout <= _longest) return timeout;
        Fault(section, "timeout", $"must be a time with its unit, above 0 and at most 1h, such as 500ms, 10s or 2m, not '{text}'");
        return TimeSpan.Zero;
    }

    private List<string> Relay(IConfigurationSection section)
    {
        var relay = List(section, "relay");
        foreach (var name in relay)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(_token)) Fault(section, "relay", $"must be names of headers, not '{name}'");
            else if (name.Equals("Cookie", StringComparison.OrdinalIgnoreCase)) Fault(section, "relay", "cannot hold Cookie: set cookies: true");
            else if (_neverRelayed.Contains(name, StringComparer.OrdinalIgnoreCase)
                || name.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)) Fault(section, "relay", $"cannot hold {name}: it is for one connection only, or written by the gateway");
        }
        return relay;
    }

    private bool Cookies(IConfigurationSection section)
    {
        var text = section["cookies"];
        if (text is null) return false;
        if (bool.TryParse(text, out var cookies)) return cookies;
        Fault(section, "cookies", $"must be true or false, not '{text}'");
        return false;
    }

    private RateLimit? PerAddress(IConfigurationSection section)
    {
        var limits = section.GetSection("limits");
        foreach (var field in limits.GetChildren().Where(field => !field.Key.Equals("perAddress", StringComparison.OrdinalIgnoreCase)))
            Fault(section, "limits:" + field.Key, "is no limit of a route");
        if (limits["perAddress"] is not { } text)
        {
            if (limits.Value is { Length: > 0 }) Fault(section, "limits", "must hold perAddress, for example 60/minute");
            return null;
        }
        var limit = RateLimit.Parse(text);
        if (limit is null) Fault(section, "limits:perAddress", $"must be a number per second, minute or hour, such as 60/minute, not '{text}'");
        return limit;
    }

    private long MaxBodyBytes(IConfigurationSection section)
    {
        var text = section["maxBodyBytes"];
        if (text is null) return Route.DefaultMaxBodyBytes;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)) return bytes;
        Fault(section, "maxBodyBytes", $"must be a number of bytes, not '{text}'");
        return 0;
    }

    /// <summary>Two routes for one request would be an error at the request; a route for given methods beside one for all is not.</summary>
    private void CheckUnique(Route route)
    {
        var normal = RoutePath.Normal(route.Path);
        if (!_byPath.TryGetValue(normal, out var others)) _byPath[normal] = others = [];
        foreach (var other in others)
        {
            var both = route.Methods.Count == 0 ? other.Methods.Count == 0 : route.Methods.Intersect(other.Methods).Any();
            if (both) _faults.Add($"gateway:routes:{route.Id} and gateway:routes:{other.Id} match the same requests.");
        }
        others.Add(route);
    }

    private List<string> List(IConfigurationSection section, string field)
    {
        var list = section.GetSection(field);
        var values = list.GetChildren().ToList();
        // An empty YAML list arrives as an empty text.
        if (list.Value is { Length: > 0 }) Fault(section, field, $"must be a list, such as [{list.Value}]");
        foreach (var value in values.Where(value => value.Value is null)) Fault(section, field, "must be a list of plain texts");
        return [.. values.Select(value => value.Value ?? "")];
    }

    private void Fault(IConfigurationSection section, string field, string what) =>
        _faults.Add($"gateway:routes:{section.Key}:{field} {what}.");
}
