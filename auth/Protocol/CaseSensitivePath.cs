using Microsoft.AspNetCore.Routing.Matching;
using Microsoft.AspNetCore.Routing.Patterns;

namespace SecureMesh.Auth.Protocol;

/// <summary>Marks an endpoint whose literal path segments must match letter by letter.</summary>
internal sealed record CaseSensitivePath(RoutePattern Pattern);

/// <summary>The framework's router ignores case, but UAA's <c>/Users</c> and the mesh's <c>/users</c> are two resources.</summary>
internal sealed class CaseSensitivePathPolicy : MatcherPolicy, IEndpointSelectorPolicy
{
    public override int Order => 0;

    public bool AppliesToEndpoints(IReadOnlyList<Endpoint> endpoints) => endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<CaseSensitivePath>() is not null);

    public Task ApplyAsync(HttpContext httpContext, CandidateSet candidates)
    {
        for (var i = 0; i < candidates.Count; i++)
        {
            if (!candidates.IsValidCandidate(i)) continue;
            var marked = candidates[i].Endpoint.Metadata.GetMetadata<CaseSensitivePath>();
            if (marked is not null && !Matches(marked.Pattern, httpContext.Request.Path.Value!)) candidates.SetValidity(i, false);
        }
        return Task.CompletedTask;
    }

    private static bool Matches(RoutePattern pattern, string path)
    {
        var segments = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < pattern.PathSegments.Count && i < segments.Length; i++)
            if (pattern.PathSegments[i] is { IsSimple: true } segment && segment.Parts[0] is RoutePatternLiteralPart literal
                && !string.Equals(literal.Content, segments[i], StringComparison.Ordinal)) return false;
        return true;
    }
}
