namespace SecureMesh.Gateway.Access;

/// <summary>What a caller may prove himself by. The order is that in which a route's kinds are looked at.</summary>
internal enum CredentialKind
{
    /// <summary>A signed access token.</summary>
    Jwt,

    /// <summary>An opaque access token; auth knows what it stands for.</summary>
    Opaque,

    /// <summary>A personal access token, <c>smt_…</c>; auth knows what it stands for.</summary>
    ApiToken,

    /// <summary>User name and password (RFC 7617).</summary>
    Basic,

    /// <summary>A signed access token of an issuer that is trusted beside the mesh's own.</summary>
    Foreign,
}

/// <summary>The kinds as configuration, passports and explanations spell them.</summary>
internal static class CredentialKinds
{
    public static readonly IReadOnlyDictionary<string, CredentialKind> ByName = new Dictionary<string, CredentialKind>(StringComparer.Ordinal)
    {
        ["jwt"] = CredentialKind.Jwt,
        ["opaque"] = CredentialKind.Opaque,
        ["api-token"] = CredentialKind.ApiToken,
        ["basic"] = CredentialKind.Basic,
        ["foreign"] = CredentialKind.Foreign,
    };

    /// <summary>What the mode <c>token</c> takes when the route does not say.</summary>
    public static readonly IReadOnlyList<CredentialKind> OfTokens = [CredentialKind.Jwt, CredentialKind.Opaque, CredentialKind.ApiToken];

    public static string Name(this CredentialKind kind) => kind switch
    {
        CredentialKind.Jwt => "jwt",
        CredentialKind.Opaque => "opaque",
        CredentialKind.ApiToken => "api-token",
        CredentialKind.Foreign => "foreign",
        _ => "basic",
    };
}
