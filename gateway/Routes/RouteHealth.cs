using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Gateway.Routes;

/// <summary>Component <c>routes</c>: a refused change is a fault to mend, but the gateway serves on.</summary>
internal sealed class RouteHealth(RouteTable table) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object> { ["count"] = table.Current.Count };
        if (table.Fault is not { } fault) return Task.FromResult(HealthCheckResult.Healthy(data: data));
        data["error"] = fault;
        return Task.FromResult(HealthCheckResult.Degraded(data: data));
    }
}
