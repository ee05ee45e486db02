using SecureMesh.Gateway.Access;

namespace SecureMesh.Gateway.Routes;

/// <summary>Reads who may use a route: <c>scopes</c>, <c>subjects</c>, <c>claims</c>.</summary>
internal static class PolicyReader
{
    public static RoutePolicy Read(Fields fields)
    {
        var (any, all) = Scopes(fields);
        return new RoutePolicy { AnyScope = any, AllScopes = all, Subjects = Texts(fields, "subjects"), Claims = Claims(fields) };
    }

    /// <summary>A plain list, or a text, means any; a section names <c>any</c> and <c>all</c>.</summary>
    private static (List<string> Any, List<string> All) Scopes(Fields fields)
    {
        var keys = fields.Section("scopes").GetChildren().Select(child => child.Key).ToList();
        if (!keys.Any(key => key is "any" or "all")) return (Scopes(fields, "scopes", "scopes"), []);
        var scopes = fields.Below("scopes");
        if (fields["scopes"] is { Length: > 0 }) fields.Fault("scopes", "must be one text or a section with any and all, not both");
        scopes.Know(["any", "all"], "is neither any nor all");
        return (Scopes(scopes, "any", "any"), Scopes(scopes, "all", "all"));
    }

    private static List<string> Scopes(Fields fields, string field, string name)
    {
        var scopes = fields.List(field);
        foreach (var scope in scopes.Where(scope => scope.Length == 0 || scope.Any(c => c is <= ' ' or '"' or '\\' or >= '\x7f')))
            fields.Fault(name, $"must be scope names (RFC 6749 §3.3), not '{scope}'");
        // Only a star would let everybody in who has any scope without a dot.
        if (scopes.Contains("*")) fields.Fault(name, "must name a part of the scope beside the star");
        return scopes;
    }

    private static Dictionary<string, IReadOnlyList<string>> Claims(Fields fields)
    {
        var claims = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (fields["claims"] is { Length: > 0 }) fields.Fault("claims", "must hold claims by name, such as zid: [uaa]");
        var section = fields.Below("claims");
        foreach (var claim in fields.Section("claims").GetChildren())
        {
            if (Texts(section, claim.Key) is { Count: > 0 } values) claims[claim.Key] = values;
            else section.Fault(claim.Key, "must hold the values of which one is needed");
        }
        return claims;
    }

    /// <summary>Values of a token, which may hold a comma: cut in two, one subject would become two others.</summary>
    private static List<string> Texts(Fields fields, string field)
    {
        var texts = fields.List(field, whole: true);
        foreach (var _ in texts.Where(text => text.Length == 0)) fields.Fault(field, "must not hold an empty text");
        return texts;
    }
}
