namespace SecureMesh.Gateway.Passport;

/// <summary>The key by which this instance signs now; another one takes its place when an administrator has revoked it.</summary>
internal sealed class PassportKeys : IDisposable
{
    private volatile PassportKey _current = new();

    public PassportKey Current => _current;

    /// <summary>Draws a new key. Whoever still signs with the old one makes passports that nobody takes.</summary>
    public void Replace() => _current = new PassportKey();

    public void Dispose() => _current.Dispose();
}
