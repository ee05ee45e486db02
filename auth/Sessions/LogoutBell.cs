namespace SecureMesh.Auth.Sessions;

/// <summary>Wakes whoever delivers the notices of ended sessions; a ring that nobody hears is found in the table later.</summary>
internal sealed class LogoutBell : IDisposable
{
    private readonly SemaphoreSlim _rung = new(0, 1);

    public void Ring()
    {
        try
        {
            _rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // It has rung already.
        }
    }

    public Task HeardAsync(CancellationToken cancellationToken) => _rung.WaitAsync(cancellationToken);

    public void Dispose() => _rung.Dispose();
}
