using System.Buffers;
using SecureMesh.Gateway.Access;
using SecureMesh.Gateway.Cors;
using SecureMesh.Gateway.Limits;
using SecureMesh.Gateway.Passport;

namespace SecureMesh.Gateway.Routes;

/// <summary>Reads the section <c>gateway:routes</c> and finds all faults at once, each by the key that an operator types.</summary>
internal sealed class RouteReader
{
    private static readonly string[] _fields =
    [
        "path", "methods", "service", "access", "mode", "credentials", "scopes", "subjects", "claims", "online", "revocation", "criticalAfter",
        "relay", "headers", "cookies", "sandbox", "timeout", "retries", "instances", "limits", "maxBodyBytes", "cors",
    ];

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

    private readonly bool _takesPasswords;

    private readonly bool _exchanges;
    private readonly bool _trusts;

    private RouteReader(IConfiguration configuration) => (_takesPasswords, _exchanges, _trusts) =
        (BasicOptions.IsOn(configuration), ExchangeOptions.IsOn(configuration), configuration.GetSection("gateway:issuers").GetChildren().Any());

    public static (IReadOnlyList<Route> Routes, IReadOnlyList<string> Faults) Read(IConfiguration configuration)
    {
        var reader = new RouteReader(configuration);
        var routes = configuration.GetSection("gateway:routes").GetChildren().Select(reader.ReadRoute).OfType<Route>().ToList();
        var services = ServiceReader.Read(configuration, reader._faults);
        foreach (var name in services.Keys.Where(name => routes.All(route => route.Service != name)))
        {
            // Only when all routes could be read: a broken one may be the one.
            if (reader._faults.Count == 0) reader._faults.Add($"gateway:services:{name} is the service of no route.");
        }
        routes = [.. routes.Select(route => services.TryGetValue(route.Service, out var settings) ? route with { Settings = settings } : route)];
        if (routes.Count == 0 && reader._faults.Count == 0) reader._faults.Add("gateway:routes is empty: the gateway would serve nothing.");
        return (routes, reader._faults);
    }

    private Route? ReadRoute(IConfigurationSection section)
    {
        var before = _faults.Count;
        var fields = new Fields(section, _faults);
        fields.Know(_fields, "is no field of a route");
        var methods = Methods(fields);
        var cookies = fields.Flag("cookies");
        var route = new Route(section.Key, Path(fields), Service(fields))
        {
            Methods = methods,
            Cors = CorsReader.Read(fields, methods),
            Public = fields.OneOf("access", otherwise: false, ("public", true)),
            Credentials = Credentials(fields),
            Policy = PolicyReader.Read(fields),
            Online = fields.Flag("online"),
            Revocation = fields.OneOf("revocation", WhenFeedIsCut.Open, ("open", WhenFeedIsCut.Open), ("normal", WhenFeedIsCut.Normal), ("critical", WhenFeedIsCut.Critical)),
            CriticalAfter = fields.Time("criticalAfter", TimeSpan.FromSeconds(15), _longest, "above 0 and at most 1h, such as 15s"),
            Relay = Relay(fields),
            Headers = Headers(fields),
            Timeout = fields.Time("timeout", TimeSpan.FromSeconds(30), _longest, "above 0 and at most 1h, such as 500ms, 10s or 2m"),
            Retries = (int)fields.Number("retries", 2, 5, "a number of further instances, 0 to 5"),
            Instances = Instances(fields),
            Cookies = cookies,
            // Who is trusted with the cookies of the origin is part of it.
            Sandbox = fields.OneOf("sandbox", otherwise: !cookies, ("true", true), ("false", false)),
            Limits = Limits(fields),
            MaxBodyBytes = fields.Number("maxBodyBytes", Route.DefaultMaxBodyBytes, long.MaxValue, "a number of bytes"),
        };
        if (_faults.Count == before) CheckAccess(fields, route);
        if (_faults.Count == before) CheckUnique(route);
        return _faults.Count == before ? route : null;
    }

    private static string Path(Fields fields)
    {
        var path = fields["path"] ?? "";
        if (path.Length == 0) fields.Fault("path", "is missing");
        else if (RoutePath.Fault(path) is { } fault) fields.Fault("path", fault);
        else return RoutePath.Pattern(path);
        return path;
    }

    private static string Service(Fields fields)
    {
        var service = fields["service"] ?? "";
        if (service.Length == 0) fields.Fault("service", "is missing");
        else if (service.Length > 63 || service.AsSpan().ContainsAnyExcept(_service)) fields.Fault("service", $"must be a wire name (lower case letters, digits, hyphens), not '{service}'");
        return service;
    }

    private static List<string> Methods(Fields fields)
    {
        var methods = fields.List("methods");
        foreach (var method in methods.Where(method => !_methods.Contains(method)))
            fields.Fault("methods", $"must be of {string.Join(", ", _methods)}, not '{method}'");
        return methods;
    }

    private IReadOnlyList<CredentialKind> Credentials(Fields fields)
    {
        // The other modes take kinds of their own when they come.
        fields.OneOf("mode", "token", ("token", "token"));
        var names = fields.List("credentials");
        var kinds = new SortedSet<CredentialKind>();
        foreach (var name in names)
        {
            if (name == "basic" && !_takesPasswords) fields.Fault("credentials", "holds basic, but no client is named at gateway:basic:client to prove passwords through");
            if (CredentialKinds.ByName.TryGetValue(name, out var kind)) kinds.Add(kind);
            else fields.Fault("credentials", $"must be of {string.Join(", ", CredentialKinds.ByName.Keys)}, not '{name}'");
        }
        return names.Count == 0 ? CredentialKinds.OfTokens : [.. kinds];
    }

    private static RelayMode Relay(Fields fields) => fields["relay"] is null or "" ? RelayMode.Passport
        : fields.OneOf("relay", RelayMode.Passport, ("passport", RelayMode.Passport), ("passthrough", RelayMode.Passthrough), ("exchange", RelayMode.Exchange));

    private static List<string> Headers(Fields fields)
    {
        var headers = fields.List("headers");
        CheckHeaders(fields, "headers", headers);
        // A list below relay is how headers were spelled before the identity could be chosen there.
        if (!fields.Section("relay").GetChildren().Any()) return headers;
        var older = fields.List("relay");
        CheckHeaders(fields, "relay", older);
        return [.. headers, .. older];
    }

    private static void CheckHeaders(Fields fields, string field, List<string> headers)
    {
        foreach (var name in headers)
        {
            if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(_token)) fields.Fault(field, $"must be names of headers, not '{name}'");
            else if (name.Equals("Cookie", StringComparison.OrdinalIgnoreCase)) fields.Fault(field, "cannot hold Cookie: set cookies: true");
            else if (_neverRelayed.Contains(name, StringComparer.OrdinalIgnoreCase)
                || name.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)) fields.Fault(field, $"cannot hold {name}: it is for one connection only, or written by the gateway");
        }
    }

    private static Dictionary<string, string> Instances(Fields fields)
    {
        var pins = new Dictionary<string, string>(StringComparer.Ordinal);
        if (fields["instances"] is { Length: > 0 }) fields.Fault("instances", "must hold metadata of instances by name, such as version: \"2\"");
        var section = fields.Below("instances");
        foreach (var pin in fields.Section("instances").GetChildren())
        {
            if (pin.Value is { Length: > 0 } value) pins[pin.Key] = value;
            else section.Fault(pin.Key, "must be the value that the instance's metadata have");
        }
        return pins;
    }

    private static RouteLimits Limits(Fields fields)
    {
        var limits = fields.Below("limits");
        limits.Know(["perAddress", "perSubject", "perClient", "total"], "is no limit of a route");
        if (fields["limits"] is { Length: > 0 }) fields.Fault("limits", "must hold perAddress, perSubject, perClient or total, for example 60/minute");
        return new RouteLimits { PerAddress = limits.Limit("perAddress"), PerSubject = limits.Limit("perSubject"), PerClient = limits.Limit("perClient"), Total = limits.Limit("total") };
    }

    /// <summary>A route says either that nobody is asked, or what is asked of everybody.</summary>
    private void CheckAccess(Fields fields, Route route)
    {
        if (route.Public == route.Policy.AsksForScopes)
        {
            _faults.Add($"{fields.Key} needs either access: public or scopes" + (route.Public ? ", not both." : "."));
            return;
        }
        if (route.Credentials.Contains(CredentialKind.Foreign))
        {
            if (!_trusts) fields.Fault("credentials", "holds foreign, but gateway:issuers names no issuer");
            // Auth knows nothing of them.
            if (route.Online) fields.Fault("online", "stands beside credentials that hold foreign, about which nobody can be asked");
            if (route.Relay == RelayMode.Exchange) fields.Fault("relay", "is exchange beside credentials that hold foreign, which auth does not exchange");
        }
        if (route.Relay == RelayMode.Exchange && !_exchanges) fields.Fault("relay", "is exchange, but no client is named at gateway:exchange:clientId to exchange tokens in its name");
        if (route.Relay == RelayMode.Passthrough && route.Credentials.Contains(CredentialKind.Basic))
            fields.Fault("relay", "stands beside credentials that hold basic: the service would get passwords");
        if (!route.Public)
        {
            // Whoever sets the time believes that the route refuses after it.
            if (route.Revocation != WhenFeedIsCut.Critical && fields["criticalAfter"] is { Length: > 0 }) fields.Fault("criticalAfter", "counts beside revocation: critical alone");
            return;
        }
        foreach (var field in (string[])["mode", "credentials", "subjects", "claims", "online", "revocation", "criticalAfter"])
        {
            if (fields.Section(field).Exists()) fields.Fault(field, "stands beside access: public, where nobody is asked who he is");
        }
        if (fields["relay"] is { Length: > 0 }) fields.Fault("relay", "stands beside access: public, where nobody is asked who he is: name Authorization in headers to pass it on");
        if (route.Limits is not { PerSubject: null, PerClient: null }) fields.Fault("limits", "can hold perSubject and perClient only where callers are asked who they are");
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
}
