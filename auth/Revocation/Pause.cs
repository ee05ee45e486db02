namespace SecureMesh.Auth.Revocation;

/// <summary>Lets time pass. A test's clock stands still, so there it is the pause that moves it.</summary>
internal class Pause(TimeProvider time)
{
    // A timer knows whole milliseconds alone and cuts off the rest: rounded up it is not early.
    public virtual Task ForAsync(TimeSpan duration, CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(duration.TotalMilliseconds)), time, cancellationToken);
}
