using System.Buffers;
using System.Text;
using SecureMesh.Gateway.Routes;

namespace SecureMesh.Gateway.Cors;

/// <summary>Reads the field <c>cors</c> of a route.</summary>
internal static class CorsReader
{
    private static readonly string[] _fields = ["origins", "methods", "headers", "exposed", "credentials", "maxAge"];

    private static readonly string[] _methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

    private static readonly SearchValues<char> _token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <returns>Null when the route has none: then no page of another origin reads its answers.</returns>
    public static CorsPolicy? Read(Fields route, IReadOnlyList<string> methods)
    {
        if (!route.Section("cors").GetChildren().Any())
        {
            if (route["cors"] is { Length: > 0 }) route.Fault("cors", "must hold origins, for example origins: [https://app.example]");
            return null;
        }
        var fields = route.Below("cors");
        fields.Know(_fields, "is no field of cors");
        var policy = new CorsPolicy
        {
            Origins = Origins(fields),
            Methods = Methods(fields, methods),
            Headers = Names(fields, "headers"),
            Exposed = Names(fields, "exposed"),
            Credentials = fields.Flag("credentials"),
            MaxAge = fields.Time("maxAge", TimeSpan.FromMinutes(10), TimeSpan.FromHours(24), "above 0 and at most 24h, such as 10m"),
        };
        if (policy.Credentials && policy.Origins is [CorsPolicy.Any]) fields.Fault("credentials", "cannot be true for every origin: name the origins");
        return policy;
    }

    private static List<string> Origins(Fields fields)
    {
        var origins = fields.List("origins");
        if (origins.Count == 0) fields.Fault("origins", "must name origins such as https://app.example, or '*' alone");
        if (origins.Count > 1 && origins.Contains(CorsPolicy.Any)) fields.Fault("origins", "must be '*' alone or a list of origins");
        foreach (var origin in origins.Where(origin => origin != CorsPolicy.Any && !IsOrigin(origin)))
            fields.Fault("origins", $"must be origins as browsers write them, such as https://app.example or http://localhost:3000, not '{origin}'");
        return origins;
    }

    /// <summary>As browsers serialise it: lower case, without a path and without the scheme's own port. Never <c>null</c>, which is everybody's.</summary>
    private static bool IsOrigin(string text) =>
        Ascii.IsValid(text) && Uri.TryCreate(text, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && $"{url.Scheme}://{url.Host}{(url.IsDefaultPort ? "" : ":" + url.Port)}" == text;

    private static List<string> Methods(Fields fields, IReadOnlyList<string> ofRoute)
    {
        var methods = fields.List("methods");
        foreach (var method in methods.Where(method => !_methods.Contains(method))) fields.Fault("methods", $"must be of {string.Join(", ", _methods)}, not '{method}'");
        foreach (var method in methods.Where(method => _methods.Contains(method) && ofRoute.Count > 0 && !ofRoute.Contains(method))) fields.Fault("methods", $"holds {method}, which the route does not take");
        if (methods.Count > 0) return methods;
        return ofRoute.Count > 0 ? [.. ofRoute.Where(method => method != "OPTIONS")] : ["GET", "HEAD", "POST"];
    }

    private static List<string> Names(Fields fields, string field)
    {
        var names = fields.List(field);
        foreach (var name in names.Where(name => name.Length == 0 || name == "*" || name.AsSpan().ContainsAnyExcept(_token))) fields.Fault(field, $"must be names of headers, not '{name}'");
        return names;
    }
}
