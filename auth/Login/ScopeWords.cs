namespace SecureMesh.Auth.Login;

/// <summary>Scopes in words, for the pages that ask about them.</summary>
internal static class ScopeWords
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["openid"] = "Know who you are",
        ["profile"] = "See your name",
        ["email"] = "See your e-mail address",
        ["phone"] = "See your telephone number",
        ["address"] = "See your postal address",
        ["roles"] = "See the groups you are in",
        ["user_attributes"] = "See further attributes of your account",
        ["ui"] = "Use the applications of this mesh in your name",
        ["offline_access"] = "Keep its access while you are away, until you take it back",
        ["uaa.offline_token"] = "Keep its access while you are away, until you take it back",
        ["uaa.user"] = "Act as you at the token service",
        ["uaa.admin"] = "Administer everything: users, clients, keys",
        ["password.write"] = "Change your password",
        ["approvals.me"] = "See and change what you have allowed",
        ["oauth.approvals"] = "See and change what you have allowed",
        ["scim.read"] = "Read all accounts and groups",
        ["scim.write"] = "Change all accounts and groups",
        ["scim.userids"] = "Look up accounts by name",
        ["scim.me"] = "Read your account",
        ["clients.read"] = "Read the registered applications",
        ["clients.write"] = "Change the registered applications",
        ["clients.secret"] = "Change secrets of applications",
        ["clients.admin"] = "Administer the registered applications",
        ["apitokens.write"] = "Make, list and revoke API tokens in your name",
        ["tokens.list"] = "List tokens",
        ["tokens.revoke"] = "Revoke tokens",
    };

    /// <summary>The scope and its words, in the order asked.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(IEnumerable<string> scopes) => [.. scopes.Select(scope => KeyValuePair.Create(scope, Of(scope)))];

    public static string Of(string scope) => Known.GetValueOrDefault(scope) ?? $"Use the permission {scope} in your name";
}
