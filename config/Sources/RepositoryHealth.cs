using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Config.Sources;

/// <summary>Health from what is known already; a probe reads nothing. A broken file is not the server's death: it degrades.</summary>
internal sealed class RepositoryHealth(IFileTrees trees, Repository repository, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var state = trees.State;
        var data = new Dictionary<string, object>
        {
            ["kind"] = state.Kind,
            ["ageSeconds"] = (long)(time.GetUtcNow() - state.CheckedAt).TotalSeconds,
            ["brokenFiles"] = repository.Broken.Count,
        };
        if (state.Version is not null) data["version"] = state.Version;
        if (state.Fault is not null) return Task.FromResult(HealthCheckResult.Unhealthy("the repository cannot be read", data: data));
        return Task.FromResult(repository.Broken.Count > 0 ? HealthCheckResult.Degraded("some files cannot be read", data: data) : HealthCheckResult.Healthy(data: data));
    }
}
