using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Inspection;

/// <summary>UAA's rule of administration: one of several scopes, and <c>uaa.admin</c> in place of each.</summary>
internal static class Permissions
{
    /// <summary>The caller's token, holding one of the scopes.</summary>
    public static async Task<Result<VerifiedToken, OAuthError>> AuthenticateAnyAsync(
        this BearerAuthentication bearer, HttpContext http, CancellationToken cancellationToken, params string[] scopes)
    {
        var token = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        return token.Value.HoldsAny(scopes) ? token.Value : OAuthError.InsufficientScope(Words.Join(scopes));
    }

    public static bool HoldsAny(this VerifiedToken token, params string[] scopes) =>
        token.Scopes.Any(scope => scope == "uaa.admin" || scopes.Contains(scope, StringComparer.Ordinal));

    /// <summary>Who calls, for the audit: ids of ours alone.</summary>
    public static string Caller(this VerifiedToken token) => token.User is { } user ? $"by user {user.Id}" : $"by client {token.Client.Id}";
}
