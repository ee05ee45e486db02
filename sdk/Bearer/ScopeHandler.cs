using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;

namespace SecureMesh.Sdk;

/// <summary>One of the scopes must stand in the token; scopes are compared byte for byte.</summary>
internal sealed record ScopeRequirement(IReadOnlyList<string> AnyOf) : IAuthorizationRequirement
{
    public bool IsMetBy(ClaimsPrincipal caller) => AnyOf.Any(caller.HasScope);

    public override string ToString() => "scope " + string.Join(" or ", AnyOf);
}

/// <summary>Decides <see cref="ScopeRequirement"/>.</summary>
internal sealed class ScopeHandler : AuthorizationHandler<ScopeRequirement>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, ScopeRequirement requirement)
    {
        if (requirement.IsMetBy(context.User)) context.Succeed(requirement);
        return Task.CompletedTask;
    }
}
