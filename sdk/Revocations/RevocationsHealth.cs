using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Health component <c>revocations</c>: reports what the follower knows, asks nobody. A service that is cut off is still up.</summary>
internal sealed class RevocationsHealth(ITokenRevocations revocations, IOptions<MeshOptions> mesh) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var data = new Dictionary<string, object>();
        if (revocations is TokenRevocations memory)
        {
            data["following"] = RevocationClientOptions.NotFollowing(mesh.Value) is null;
            data["sequence"] = memory.Place;
            data["count"] = memory.Count;
        }
        if (revocations.Silence is var silence && silence < TimeSpan.MaxValue) data["silenceSeconds"] = (long)silence.TotalSeconds;
        // Who has no credential at the token service follows nothing by intent: that is no fault to look for.
        return Task.FromResult(revocations.IsCurrent || data.TryGetValue("following", out var following) && following is false
            ? HealthCheckResult.Healthy(data: data)
            : HealthCheckResult.Degraded("revoked tokens may be accepted until they expire, see mesh.revocations", data: data));
    }
}
