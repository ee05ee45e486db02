using System.Net;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Registration;

/// <summary>Limits how often one address may try to register; every attempt counts, the refused ones too.</summary>
internal sealed class RegistrationLimit : IDisposable
{
    // Addresses share buckets by hash, so no flood of addresses makes the table grow. HashCode is seeded anew in every
    // process, so nobody can choose an address that shares a bucket with another's.
    private const int Buckets = 16_384;

    private readonly PartitionedRateLimiter<IPAddress> _limiter;

    public RegistrationLimit(IOptions<RegistrationOptions> options)
    {
        var bucket = new TokenBucketRateLimiterOptions
        {
            TokenLimit = options.Value.PerMinute,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = TimeSpan.FromMinutes(1) / options.Value.PerMinute,
        };
        _limiter = PartitionedRateLimiter.Create<IPAddress, int>(address => RateLimitPartition.GetTokenBucketLimiter(BucketOf(address), _ => bucket));
    }

    /// <summary>Counts an attempt.</summary>
    /// <returns>The refusal when there were too many; null otherwise.</returns>
    public Problem? Count(HttpContext http)
    {
        using var lease = _limiter.AttemptAcquire(http.Connection.RemoteIpAddress ?? IPAddress.None);
        if (lease.IsAcquired) return null;
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var time) ? time : TimeSpan.FromMinutes(1);
        return new Problem(429, "too_many_requests", "Too many registrations from your address; try again later") { RetryAfter = wait };
    }

    private static int BucketOf(IPAddress address) => (int)((uint)CallerNetwork.Of(address).GetHashCode() % Buckets);

    public void Dispose() => _limiter.Dispose();
}
