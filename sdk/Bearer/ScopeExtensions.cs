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
        ArgumentOutOfRangeException.ThrowIfZero(anyOf.Length);
        var policy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().AddRequirements(new ScopeRequirement(anyOf)).Build();
        return endpoint.RequireAuthorization(policy);
    }

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

/// <summary>One of the scopes must stand in the token.</summary>
internal sealed record ScopeRequirement(IReadOnlyList<string> AnyOf) : IAuthorizationRequirement;
