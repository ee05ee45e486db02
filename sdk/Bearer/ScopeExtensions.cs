using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;

namespace SecureMesh.Sdk;

/// <summary>Scopes on endpoints and callers.</summary>
public static class ScopeExtensions
{
    /// <summary>Lets only callers in whose token at least one of the scopes stands (RFC 6750 §3.1: else 403 <c>insufficient_scope</c>).</summary>
    /// <param name="endpoint">The endpoint or group.</param>
    /// <param name="anyOf">Scopes, of which one is enough.</param>
    public static TBuilder RequireScope<TBuilder>(this TBuilder endpoint, params string[] anyOf) where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(anyOf);
        if (anyOf.Length == 0) throw new ArgumentException("Name at least one scope.", nameof(anyOf));
        if (anyOf.FirstOrDefault(scope => !IsScope(scope)) is { } wrong)
            throw new ArgumentException($"'{wrong}' is not one scope (RFC 6749 §3.3): no spaces, quotes, backslashes or control characters.", nameof(anyOf));
        var policy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().AddRequirements(new ScopeRequirement(anyOf)).Build();
        return endpoint.RequireAuthorization(policy);
    }

    /// <summary>scope-token of RFC 6749 §3.3.</summary>
    private static bool IsScope(string? scope) =>
        !string.IsNullOrEmpty(scope) && scope.All(c => c is '\x21' or (>= '\x23' and <= '\x5B') or (>= '\x5D' and <= '\x7E'));

    /// <summary>True when the caller's token holds the scope; compared byte for byte.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="scope">One scope.</param>
    public static bool HasScope(this ClaimsPrincipal caller, string scope)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return caller.HasClaim("scope", scope);
    }

    /// <summary>The name the caller signed in with; null when the caller is a client acting for itself.</summary>
    /// <param name="caller">The caller.</param>
    public static string? UserName(this ClaimsPrincipal caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return caller.FindFirstValue("user_name");
    }

    /// <summary>The OAuth client that holds the token.</summary>
    /// <param name="caller">The caller.</param>
    public static string? ClientId(this ClaimsPrincipal caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return caller.FindFirstValue("client_id");
    }
}
