namespace SecureMesh.Gateway.Destinations;

/// <summary>Chance that protects nothing: it only spreads load, at every request.</summary>
internal static class Lot
{
    [ThreadStatic]
    private static uint _state;

    /// <summary>A number from 0 to below the limit (xorshift; each thread begins elsewhere).</summary>
    public static int Below(int limit)
    {
        var x = _state;
        if (x == 0) x = (uint)Environment.CurrentManagedThreadId * 2_654_435_769u | 1;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        _state = x;
        return (int)((ulong)x * (ulong)limit >> 32);
    }
}
