using SecureMesh.Auth.Inspection;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>
/// What a caller may register that holds <c>clients.write</c> and neither <c>clients.admin</c> nor <c>uaa.admin</c>: clients that
/// can do nothing beyond what is its own (V-020, CVE-2019-11270). Asked of the client as it is and as it shall be, so that
/// nobody turns a more powerful client into a tool.
/// </summary>
internal static class CreatorLimits
{
    // Scopes that open something here or at the gateway: no prefix makes them somebody's own.
    private static readonly string[] OfTheMesh =
    [
        "uaa", "clients", "scim", "zones", "idps", "sps", "tokens", "groups", "password", "oauth", "approvals", "revocations", "passports", "sessions",
        "server", "keys", "apitokens", "audit", "cloud_controller",
    ];

    // Ids after which services of the mesh are named; a client of such an id is told about tokens for that service.
    private static readonly string[] Services = ["gateway", "auth-service", "account-service", "config", "registry"];

    // By these a client acts for users who are not there, or hands tokens to a page.
    private static readonly string[] ForAdministrators =
        ["urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "user_token", "implicit"];

    private static readonly string[] Authorities = ["uaa.none", "uaa.resource"];

    public static bool ConcernsNot(VerifiedToken caller) => caller.HoldsAny("clients.admin");

    /// <summary>Why the caller may not; null when it may.</summary>
    public static string? Fault(VerifiedToken caller, Client client)
    {
        if (ConcernsNot(caller)) return null;
        if (Services.Contains(client.Id, StringComparer.Ordinal)) return $"{client.Id} is the name of a service";
        if (client.GrantTypes.Contains("password", StringComparer.Ordinal)) return "password is not an allowed grant type for non-admin caller.";
        if (client.GrantTypes.FirstOrDefault(ForAdministrators.Contains) is { } grant) return $"{grant} is not an allowed grant type for non-admin caller.";
        if (client.Metadata.TokenExchangeAudiences is { Count: > 0 }) return "token_exchange_audiences is not for a non-admin caller.";
        if (client.Metadata.AllowedCorsOrigins is { Count: > 0 }) return "allowed_cors_origins is not for a non-admin caller.";
        if (client.Metadata.ApiTokens) return "api_tokens is not allowed for non-admin caller.";
        string[] prefixes = [caller.Client.Id + ".", client.Id + "."];
        foreach (var scope in client.Scopes.Concat(client.AutoApprove).Where(scope => scope is not ("uaa.none" or "true")))
            if (!IsOwn(scope, prefixes) && !caller.Client.Scopes.Contains(scope, StringComparer.Ordinal))
                return $"{scope} is not an allowed scope for caller={caller.Client.Id}. Must have prefix in [{string.Join(',', prefixes)}]";
        return client.Authorities.FirstOrDefault(authority => !Authorities.Contains(authority, StringComparer.Ordinal)) is { } foreign
            ? $"{foreign} is not an allowed authority for caller={caller.Client.Id}. Must be one of: [{string.Join(", ", Authorities)}]" : null;
    }

    private static bool IsOwn(string scope, string[] prefixes) =>
        prefixes.Any(prefix => scope.StartsWith(prefix, StringComparison.Ordinal)) && !OfTheMesh.Contains(scope.Split('.')[0], StringComparer.Ordinal);
}
