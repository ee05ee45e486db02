using System.Text.Json;

namespace SecureMesh.Gateway.Access;

/// <summary>Who may use a route, once it is known who he is.</summary>
internal sealed record RoutePolicy
{
    /// <summary>Scopes of which one is enough; <c>*</c> stands for a run without dots.</summary>
    public IReadOnlyList<string> AnyScope { get; init; } = [];

    /// <summary>Scopes of which every one is needed.</summary>
    public IReadOnlyList<string> AllScopes { get; init; } = [];

    /// <summary>Values of <c>sub</c>, of which one must be the caller's; empty lets all in.</summary>
    public IReadOnlyList<string> Subjects { get; init; } = [];

    /// <summary>Claims by name with the values of which one must be there; a claim that is a list needs one in common.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Claims { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>True when the policy asks for anything.</summary>
    public bool AsksForScopes => AnyScope.Count + AllScopes.Count > 0;

    /// <summary>Why the caller may not; null when he may.</summary>
    public Refusal? Judge(Caller caller)
    {
        if (AnyScope.Count > 0 && !HoldsAny(caller.Scopes)) return Refusal.Scope(AnyScope, "none of the scopes " + string.Join(' ', AnyScope));
        foreach (var pattern in AllScopes)
        {
            if (!Holds(caller.Scopes, pattern)) return Refusal.Scope(AllScopes, "not the scope " + pattern);
        }
        if (Subjects.Count > 0 && !Subjects.Contains(caller.Subject, StringComparer.Ordinal)) return Refusal.Policy("the subject is not one of the route's");
        foreach (var (name, values) in Claims)
        {
            if (!HasOne(caller.Claims, name, values)) return Refusal.Policy($"the claim {name} has none of the route's values");
        }
        return null;
    }

    /// <summary>The caller's scopes that this route is about: what the service gets to see of them.</summary>
    public string[] Narrow(string[] scopes) =>
        [.. scopes.Where(scope => AnyScope.Any(pattern => ScopePattern.Matches(pattern, scope)) || AllScopes.Any(pattern => ScopePattern.Matches(pattern, scope)))];

    private bool HoldsAny(string[] scopes)
    {
        // Indexes: this runs for every request, and an enumerator of an interface is an allocation.
        for (var i = 0; i < AnyScope.Count; i++)
        {
            if (Holds(scopes, AnyScope[i])) return true;
        }
        return false;
    }

    private static bool Holds(string[] scopes, string pattern)
    {
        foreach (var scope in scopes)
        {
            if (ScopePattern.Matches(pattern, scope)) return true;
        }
        return false;
    }

    private static bool HasOne(JsonElement claims, string name, IReadOnlyList<string> values)
    {
        if (!claims.TryGetProperty(name, out var claim)) return false;
        if (claim.ValueKind != JsonValueKind.Array) return IsOne(claim, values);
        foreach (var item in claim.EnumerateArray())
        {
            if (IsOne(item, values)) return true;
        }
        return false;
    }

    private static bool IsOne(JsonElement value, IReadOnlyList<string> values) => value.ValueKind switch
    {
        JsonValueKind.String => values.Contains(value.GetString()!, StringComparer.Ordinal),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => values.Contains(value.GetRawText(), StringComparer.Ordinal),
        _ => false,
    };
}
