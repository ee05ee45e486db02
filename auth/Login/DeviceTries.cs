using System.Net;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Sessions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Login;

/// <summary>
/// Wrong codes that were tried, by session and by address (D-03): five in ten minutes. Far below what guessing eight of twenty
/// letters needs.
/// </summary>
internal sealed class DeviceTries(TimeProvider time)
{
    private const int Most = 5;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);
    private readonly AddressFailures _sessions = new(time);
    private readonly AddressFailures _addresses = new(time);

    /// <summary>How long the session or the address has to wait; null when it may try.</summary>
    public TimeSpan? Wait(string sessionId, IPAddress? address, bool count)
    {
        var wait = count ? _sessions.Add(Key(sessionId), Most, Window) : _sessions.Wait(Key(sessionId), Most, Window);
        if (wait == TimeSpan.Zero && count) wait = _addresses.Add(CallerNetwork.Of(address), Most, Window);
        else if (wait == TimeSpan.Zero) wait = _addresses.Wait(CallerNetwork.Of(address), Most, Window);
        return wait == TimeSpan.Zero ? null : wait;
    }

    /// <summary>Takes back a try that was right.</summary>
    public void TakeBack(string sessionId, IPAddress? address)
    {
        _sessions.TakeBack(Key(sessionId));
        _addresses.TakeBack(CallerNetwork.Of(address));
    }

    private static UInt128 Key(string sessionId) => UInt128.Parse(BrowserCookie.Hash(sessionId).AsSpan(0, 32), System.Globalization.NumberStyles.HexNumber, null);
}
