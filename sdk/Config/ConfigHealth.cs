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
        // Why it was refused may name values: that is in the log alone.
        var fault = state.Fault ?? (state.Refused is null ? null : "the newest configuration was refused");
        if (fault is null) return Task.FromResult(HealthCheckResult.Healthy(data: data));
        data["error"] = fault;
        return Task.FromResult(HealthCheckResult.Degraded("the configuration in force may be old", data: data));
    }
}
