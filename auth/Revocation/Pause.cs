namespace SecureMesh.Auth.Revocation;

/// <summary>Lets time pass. A test's clock stands still, so there it is the pause that moves it.</summary>
internal class Pause(TimeProvider time)
{
    public virtual Task ForAsync(TimeSpan duration, CancellationToken cancellationToken) => Task.Delay(duration, time, cancellationToken);
}
