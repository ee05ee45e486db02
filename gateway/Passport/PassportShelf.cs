namespace SecureMesh.Gateway.Passport;

/// <summary>A signed identity and how long it is good.</summary>
/// <param name="Profile">For whom it was made.</param>
/// <param name="Header">The whole value of the header <c>Authorization</c>.</param>
/// <param name="KeyId">The key that signed it.</param>
/// <param name="RenewAt">From when on the next request makes a new one; Unix milliseconds.</param>
/// <param name="Until">When it must not be sent any more; Unix milliseconds.</param>
internal sealed record IssuedPassport(PassportProfile Profile, string Header, string KeyId, long RenewAt, long Until);

/// <summary>What makes two passports of one caller differ: the service, and which of his scopes it gets to see.</summary>
/// <param name="Service">Wire name.</param>
/// <param name="Scopes">The scope patterns of the route, sorted and joined.</param>
internal sealed record PassportProfile(string Service, string Scopes);

/// <summary>The passports of one caller. Few, so they are looked through; what has ended makes room.</summary>
internal sealed class PassportShelf
{
    /// <summary>As many services as a caller uses at a time; beyond it passports are made anew.</summary>
    private const int Most = 16;

    private volatile IssuedPassport[] _issued = [];
    private int _renewing;

    public IssuedPassport? Find(PassportProfile profile)
    {
        foreach (var passport in _issued)
        {
            if (ReferenceEquals(passport.Profile, profile) || passport.Profile == profile) return passport;
        }
        return null;
    }

    /// <summary>True for the one who makes the next passport while the others still use the present one.</summary>
    public bool TryBeginRenewal() => Interlocked.CompareExchange(ref _renewing, 1, 0) == 0;

    public void EndRenewal() => Volatile.Write(ref _renewing, 0);

    /// <summary>Puts a passport in; of two at once one may be lost, which costs a signature.</summary>
    public void Put(IssuedPassport passport, long now) =>
        _issued = [.. _issued.Where(other => other.Profile != passport.Profile && other.Until > now).TakeLast(Most - 1), passport];
}
