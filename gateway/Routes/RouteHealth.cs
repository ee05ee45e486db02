using Microsoft.Extensions.Diagnostics.HealthChecks;
using SecureMesh.Gateway.Access.Foreign;

namespace SecureMesh.Gateway.Routes;

/// <summary>Component <c>routes</c>: a refused change is a fault to mend, but the gateway serves on.</summary>
internal sealed class RouteHealth(RouteTable table, ForeignIssuers issuers) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object> { ["count"] = table.Current.Count };
        if ((table.Fault ?? issuers.Fault) is not { } fault) return Task.FromResult(HealthCheckResult.Healthy(data: data));
        data["error"] = fault;
        return Task.FromResult(HealthCheckResult.Degraded(data: data));
    }
}
