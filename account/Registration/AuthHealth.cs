using Microsoft.Extensions.Diagnostics.HealthChecks;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

/// <summary>Says whether auth can be found. Only registration needs it, so its absence does not take this service down.</summary>
internal sealed class AuthHealth(IServiceRegistry registry) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(registry.Current.Up("auth-service").Any()
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded("no instance is UP in the registry; registration is not possible"));
}
