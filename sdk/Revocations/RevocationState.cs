using System.Collections.Concurrent;

namespace SecureMesh.Sdk;

/// <summary>
/// The revocations that can still concern a token. Taking one in twice or in another order changes nothing: ends only add up
/// and the latest not-before wins. One writes, any number read.
/// </summary>
internal sealed class RevocationState(TimeProvider time)
{
    // Longer than clocks differ, and than the skew that is granted to expired tokens.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    private readonly Level[] _levels = [.. Enum.GetValues<RevocationKind>().Select(_ => new Level())];

    /// <summary>How many are in memory.</summary>
    public int Count => _levels.Sum(level => level.Count);

    /// <summary>Takes one in; one that can concern no living token is left out.</summary>
    public void Apply(in Revocation revocation)
    {
        var until = Until(revocation.ExpiresAt);
        var left = until - time.GetUtcNow().ToUnixTimeSeconds();
        if (left > 0)
            Of(revocation.Kind).Add(new Subject(Zone(revocation.Kind, revocation.ZoneId), revocation.Subject, revocation.ClientId), new Ending(revocation.NotBefore, until, Uptime() + left));
    }

    /// <summary>True when any level has ended the token: all of them are looked at (V-054).</summary>
    public bool IsRevoked(in TokenMarks token) =>
        Ends(RevocationKind.Token, token, token.TokenId)
        || Ends(RevocationKind.Grant, token, token.GrantId)
        || Ends(RevocationKind.Session, token, token.SessionId)
        || Ends(RevocationKind.Key, token, token.KeyId)
        || Ends(RevocationKind.User, token, token.UserId)
        || Ends(RevocationKind.User, token, token.UserId, token.ClientId)
        || Ends(RevocationKind.Client, token, token.ClientId)
        || Ends(RevocationKind.Zone, token, token.ZoneId);

    /// <summary>Forgets what can concern no living token.</summary>
    public void Sweep()
    {
        var (now, uptime) = (time.GetUtcNow().ToUnixTimeSeconds(), Uptime());
        foreach (var level in _levels) level.Sweep(now, uptime);
    }

    /// <summary>Seconds of a clock that nobody sets.</summary>
    private long Uptime() => time.GetTimestamp() / time.TimestampFrequency;

    private bool Ends(RevocationKind kind, in TokenMarks token, string? subject, string? clientId = null) =>
        subject is not null && Of(kind).Ends(new Subject(Zone(kind, token.ZoneId), subject, clientId), token.IssuedAt);

    private Level Of(RevocationKind kind) => _levels[(int)kind];

    // The name of a key is its thumbprint (RFC 7638): the same key in every zone, and a passport's key is of none.
    private static string Zone(RevocationKind kind, string zoneId) => kind == RevocationKind.Key ? "" : zoneId;

    private static long Until(DateTimeOffset expiresAt) => DateTimeOffset.MaxValue - Margin > expiresAt ? (expiresAt + Margin).ToUnixTimeSeconds() : long.MaxValue;

    private readonly record struct Subject(string ZoneId, string Name, string? ClientId);

    /// <param name="NotBefore">What was issued before it has ended.</param>
    /// <param name="Until">When no token can be left by the clock, Unix seconds.</param>
    /// <param name="Lasts">The same by <see cref="Uptime"/>: a clock that is set forward and back again must not make a revoked token live.</param>
    private readonly record struct Ending(long NotBefore, long Until, long Lasts);

    private sealed class Level
    {
        private readonly ConcurrentDictionary<Subject, Ending> _endings = new();
        private volatile int _count;

        public int Count => _count;

        public void Add(Subject subject, Ending ending)
        {
            if (_endings.TryGetValue(subject, out var known))
            {
                _endings[subject] = new Ending(Math.Max(known.NotBefore, ending.NotBefore), Math.Max(known.Until, ending.Until), Math.Max(known.Lasts, ending.Lasts));
                return;
            }
            _endings[subject] = ending;
            _count++;
        }

        // Most levels are empty most of the time: then nothing is hashed.
        public bool Ends(in Subject subject, long issuedAt) => _count > 0 && _endings.TryGetValue(subject, out var ending) && issuedAt < ending.NotBefore;

        public void Sweep(long now, long uptime)
        {
            if (_count == 0) return;
            foreach (var (subject, ending) in _endings)
            {
                if (ending.Until <= now && ending.Lasts <= uptime && _endings.TryRemove(subject, out _)) _count--;
            }
        }
    }
}
