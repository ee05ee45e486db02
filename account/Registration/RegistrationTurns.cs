using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace SecureMesh.Account.Registration;

/// <summary>
/// Lets few registrations ask auth at once and the others wait. Creating a user costs auth a slow hash, so of many asked at
/// the same time all would come too late; who waits here has nothing half done yet.
/// </summary>
internal sealed class RegistrationTurns(IOptions<RegistrationOptions> options, TimeProvider time) : IDisposable
{
    private const int MaxWaiting = 256;

    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = options.Value.AtOnce,
        QueueLimit = MaxWaiting,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    /// <summary>Waits for a turn, as long as the rest can still be done in time.</summary>
    /// <returns>The turn, to be disposed when it is over; null when it did not come.</returns>
    public async Task<IDisposable?> TakeAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.Value.MaxWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            var lease = await _limiter.AcquireAsync(1, either.Token);
            if (lease.IsAcquired) return lease;
            lease.Dispose();
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose() => _limiter.Dispose();
}
