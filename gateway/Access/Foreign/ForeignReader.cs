using System.Net;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access.Foreign;

/// <summary>Reads the section <c>gateway:issuers</c> and finds all faults at once, each by the key that an operator types.</summary>
internal static class ForeignReader
{
    private static readonly string[] _fields = ["issuer", "keys", "audience", "algorithms", "types", "scopeClaim", "scopes", "map", "subjectPrefix"];
    private static readonly string[] _algorithms = ["ES256", "RS256"];

    public static (IReadOnlyList<ForeignIssuer> Issuers, IReadOnlyList<string> Faults) Read(IConfiguration configuration, MeshOptions mesh)
    {
        var faults = new List<string>();
        var issuers = new List<ForeignIssuer>();
        foreach (var section in configuration.GetSection("gateway:issuers").GetChildren())
        {
            var before = faults.Count;
            var issuer = ReadIssuer(section, new Fields(section, faults), mesh);
            if (faults.Count > before) continue;
            foreach (var other in issuers)
            {
                if (other.Trusted.Issuer == issuer.Trusted.Issuer) faults.Add($"gateway:issuers:{issuer.Trusted.Name} and gateway:issuers:{other.Trusted.Name} are the same issuer.");
                // a: with the subject b:x would be a:b: with the subject x.
                if (other.Prefix.StartsWith(issuer.Prefix, StringComparison.Ordinal) || issuer.Prefix.StartsWith(other.Prefix, StringComparison.Ordinal))
                    faults.Add($"gateway:issuers:{issuer.Trusted.Name}:subjectPrefix and that of {other.Trusted.Name} begin alike: their subjects could be the same.");
            }
            issuers.Add(issuer);
        }
        return (issuers, faults);
    }

    private static ForeignIssuer ReadIssuer(IConfigurationSection section, Fields fields, MeshOptions mesh)
    {
        fields.Know(_fields, "is no field of an issuer");
        var name = fields["issuer"] ?? "";
        if (name.Length == 0) fields.Fault("issuer", "is missing");
        else if (name == mesh.Issuer) fields.Fault("issuer", "is the mesh's own");
        var audience = fields["audience"] ?? "";
        if (audience.Length == 0) fields.Fault("audience", "is missing: a token for anybody would be good here");
        var scopes = fields.List("scopes");
        if (scopes.Count == 0 || scopes.Contains("")) fields.Fault("scopes", "must name the scopes that its tokens may carry into the mesh");
        var prefix = fields["subjectPrefix"] ?? section.Key + ":";
        // Ids of users and clients of the mesh have neither, or are made by its administrators alone.
        if (!prefix.Contains(':', StringComparison.Ordinal) && !prefix.Contains('/', StringComparison.Ordinal)) fields.Fault("subjectPrefix", "must hold a colon or a slash, so that no subject is ever a user of the mesh");
        if (prefix.StartsWith("mesh:", StringComparison.OrdinalIgnoreCase)) fields.Fault("subjectPrefix", "must not begin with mesh:");
        if (prefix.Any(c => c is <= ' ' or > '~' or '"' or '\\')) fields.Fault("subjectPrefix", "must be printable ASCII without quote and backslash");
        var trusted = new OutsideIssuer(section.Key, name, Keys(fields, mesh.Demo), audience)
        {
            Algorithms = OneOf(fields, "algorithms", _algorithms, _algorithms),
            Types = OneOf(fields, "types", ["at+jwt", "application/at+jwt", "JWT"], ["at+jwt"]),
        };
        return new ForeignIssuer(trusted, prefix) { Scopes = scopes.ToHashSet(StringComparer.Ordinal), ScopeClaim = fields["scopeClaim"] is { Length: > 0 } claim ? claim : "scope", Map = Map(fields, scopes) };
    }

    private static Uri Keys(Fields fields, bool demo)
    {
        var none = new Uri("https://unset.invalid/");
        if (fields["keys"] is not { Length: > 0 } text)
        {
            fields.Fault("keys", "is missing: the address of the JWK set");
            return none;
        }
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.UserInfo.Length > 0 || url.Fragment.Length > 0 || url.Scheme is not ("http" or "https"))
        {
            fields.Fault("keys", $"must be an absolute https URL without user and fragment, not '{text}'");
            return none;
        }
        var local = url.IsLoopback || (IPAddress.TryParse(url.DnsSafeHost, out var address) && IPAddress.IsLoopback(address));
        if (url.Scheme == "https" || (demo && local)) return url;
        fields.Fault("keys", "must be https" + (local ? "; http on loopback is for the demo alone" : ""));
        return none;
    }

    private static List<string> OneOf(Fields fields, string field, IReadOnlyList<string> known, IReadOnlyList<string> otherwise)
    {
        var values = fields.List(field);
        foreach (var value in values.Where(value => !known.Contains(value, StringComparer.Ordinal))) fields.Fault(field, $"must be of {string.Join(", ", known)}, not '{value}'");
        return values.Count > 0 ? values : [.. otherwise];
    }

    /// <summary>One name or a list for each name of the issuer's.</summary>
    private static Dictionary<string, IReadOnlyList<string>> Map(Fields fields, List<string> scopes)
    {
        var map = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        var section = fields.Below("map");
        foreach (var entry in fields.Section("map").GetChildren())
        {
            map[entry.Key] = section.List(entry.Key);
            if (map[entry.Key].Count == 0) section.Fault(entry.Key, "must name a scope of the mesh");
            foreach (var scope in map[entry.Key].Where(scope => !scopes.Contains(scope, StringComparer.Ordinal))) section.Fault(entry.Key, $"names '{scope}', which is none of the scopes listed");
        }
        return map;
    }
}
