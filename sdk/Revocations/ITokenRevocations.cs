namespace SecureMesh.Sdk;

/// <summary>
/// Every revocation that the token service has announced and that can still concern a token, in memory (docs/decisions/0011). The
/// default follows <c>{mesh:auth:url}/uaa/revocations</c> with a token of scope <c>revocations.read</c>; the token service itself
/// registers its own revocations as a singleton instead. Without <c>mesh:clientSecret</c> nothing is followed: nothing is ever
/// revoked and <see cref="IsCurrent"/> stays false.
/// </summary>
public interface ITokenRevocations
{
    /// <summary>
    /// Grows whenever an answer of <see cref="IsRevoked"/> may have become true, and at a reset. Who remembers an answer reads
    /// this before it asks, and asks again when this has grown.
    /// </summary>
    long Version { get; }

    /// <summary>True when the token has ended on any level; all of them are looked at, and the latest not-before wins. From memory alone, without allocation.</summary>
    /// <param name="token">The marks of a token that has been verified.</param>
    bool IsRevoked(in TokenMarks token);

    /// <summary>True when everything kept by the token service was replayed and something was heard of it within three heartbeats (9 seconds).</summary>
    bool IsCurrent { get; }

    /// <summary>How long ago the feed was heard while nothing was missing; <see cref="TimeSpan.MaxValue"/> before the first complete replay.</summary>
    TimeSpan Silence { get; }

    /// <summary>
    /// How long nobody tells what was revoked: the <see cref="Silence"/>, but zero while the connection is open and the next heartbeat
    /// not overdue (they come every 3 seconds; 4 are granted).
    /// </summary>
    TimeSpan CutFor => Silence;

    /// <summary>Calls back after new revocations are in force and <see cref="Version"/> has grown; several revocations may be one call.</summary>
    /// <param name="changed">Must be quick: the next revocations wait for it. What it throws is logged and goes no further.</param>
    /// <returns>Ends the calls when disposed; one under way may still finish.</returns>
    IDisposable OnChange(Action changed);
}
