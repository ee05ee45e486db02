using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace SecureMesh.Sdk;

/// <summary>Default-deny: an endpoint says who may call it, or the service does not start.</summary>
internal static class DefaultDeny
{
    /// <summary>Refuses endpoints without a policy, and those where a policy stands but an AllowAnonymous around it would undo it.</summary>
    /// <exception cref="MeshStartException">Names every such endpoint.</exception>
    public static void Check(EndpointDataSource endpoints)
    {
        var faults = endpoints.Endpoints.Select(FaultOf).OfType<string>().ToArray();
        if (faults.Length > 0) throw new MeshStartException(string.Join(" ", faults));
    }

    public static bool HasPolicy(Endpoint endpoint) => endpoint.Metadata.Any(item => IsPolicy(item) || item is IAllowAnonymous);

    private static string? FaultOf(Endpoint endpoint)
    {
        if (!HasPolicy(endpoint))
            return $"The endpoint '{endpoint.DisplayName}' has no policy: add RequireScope(...), RequireAuthorization(...) or AllowAnonymous().";
        // Metadata stands in the order group, inner group, endpoint. An endpoint may open what its group closed; a scope
        // inside an open group would be ignored by the framework without a word.
        var open = -1;
        for (var i = 0; i < endpoint.Metadata.Count; i++)
        {
            if (endpoint.Metadata[i] is IAllowAnonymous) open = i;
            else if (open >= 0 && IsPolicy(endpoint.Metadata[i]))
                return $"The endpoint '{endpoint.DisplayName}' has a policy that the AllowAnonymous() before it would switch off: remove one of them.";
        }
        return null;
    }

    private static bool IsPolicy(object item) => item is IAuthorizeData or AuthorizationPolicy or IAuthorizationRequirementData;
}

/// <summary>Stands behind <see cref="DefaultDeny.Check"/> for endpoints that appear after the start: without a policy they answer nobody.</summary>
internal sealed class PolicyRequired : AuthorizationHandler<PolicyRequired>, IAuthorizationRequirement
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, PolicyRequired requirement)
    {
        // Only mapped endpoints are RouteEndpoints; no endpoint at all, or the router's own 405 and 415, give nothing away.
        if (context.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint) context.Succeed(requirement);
        return Task.CompletedTask;
    }
}
