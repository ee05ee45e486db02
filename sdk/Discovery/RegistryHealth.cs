using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Sdk;

/// <summary>Health component <c>registry</c>: reports what the client knows, asks nobody.</summary>
internal sealed class RegistryHealth(RegistryFetcher fetcher, Registrar registrar, ServiceRegistry registry, RegistryConnection connection, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var current = registry.Current;
        var data = new Dictionary<string, object>
        {
            ["url"] = connection.Current.AbsoluteUri,
            ["instances"] = current.Instances.Count,
            ["registered"] = registrar.Registered,
        };
        if (current.FetchedAt is { } fetchedAt) data["ageSeconds"] = (long)(time.GetUtcNow() - fetchedAt).TotalSeconds;
        var fault = fetcher.Fault ?? registrar.Fault ?? (current.FetchedAt is null ? "not fetched yet" : null);
        if (fault is null) return Task.FromResult(HealthCheckResult.Healthy(data: data));
        data["error"] = fault;
        return Task.FromResult(HealthCheckResult.Degraded("the instances known may be out of date", data: data));
    }
}
