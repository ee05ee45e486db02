using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Sdk;

/// <summary>Health component <c>config</c>: reports what the follower knows, asks nobody.</summary>
internal sealed class ConfigHealth(ConfigState state, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object>
        {
            ["url"] = state.Client.Address.AbsoluteUri,
            ["ageSeconds"] = (long)(time.GetUtcNow() - state.ConfirmedAt).TotalSeconds,
        };
        if (state.Version is { } version) data["version"] = version;
        if (state.FromKept) data["kept"] = true;
        if (state.Fault is not { } fault) return Task.FromResult(HealthCheckResult.Healthy(data: data));
        data["error"] = fault;
        return Task.FromResult(HealthCheckResult.Degraded("the configuration in force may be old", data: data));
    }
}
