using System.Collections.Concurrent;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

/// <summary>
/// Every revocation that can still concern a token, in memory: what is asked of each token at each use. Taking one in twice or
/// in another order changes nothing, because ends only add up and the latest not-before wins.
/// </summary>
internal sealed class RevocationState(TimeProvider time, Pause pause)
{
    private const int MostWaits = 3;

    private readonly ConcurrentDictionary<Subject, long> _ended = new();
    private readonly ConcurrentDictionary<Subject, NotBefore> _notBefore = new();
    private volatile bool _any;
    private long _version;
    private long _applied;

    /// <summary>After each revocation that has come in; must be quick and throw nothing, revocations wait for it.</summary>
    public event Action? Changed;

    /// <summary>Grows with each revocation, when it is in force.</summary>
    public long Version => Volatile.Read(ref _version);

    public int Count => _ended.Count + _notBefore.Count;

    public void Apply(RevocationEvent revocation)
    {
        var until = revocation.ExpiresAt.ToUnixTimeMilliseconds();
        if (until <= time.GetUtcNow().ToUnixTimeMilliseconds()) return;
        var subject = new Subject(revocation.Kind, revocation.ZoneId, revocation.Subject, revocation.ClientId);
        if (revocation.NotBefore is { } moment)
        {
            var applied = Interlocked.Increment(ref _applied);
            _notBefore.AddOrUpdate(subject, new NotBefore(moment.ToUnixTimeSeconds(), until, applied),
                (_, known) => new NotBefore(Math.Max(known.Seconds, moment.ToUnixTimeSeconds()), Math.Max(known.Until, until), Math.Max(known.Applied, applied)));
        }
        else _ended.AddOrUpdate(subject, until, (_, known) => Math.Max(known, until));
        _any = true;
        Interlocked.Increment(ref _version);
        Changed?.Invoke();
    }

    /// <summary>True when any level has ended the token: all of them are looked at (V-054).</summary>
    public bool IsRevoked(in TokenMarks token) =>
        _any && (Ended(RevocationKind.Token, token, token.TokenId)
            || Ended(RevocationKind.Grant, token, token.GrantId)
            || Ended(RevocationKind.Session, token, token.SessionId)
            || Ended(RevocationKind.Key, token, token.KeyId)
            || token.IssuedAt < EarliestIssue(token.ZoneId, token.ClientId, token.UserId));

    /// <summary>The second from which on a token of these two is not ended by a not-before of any level; 0 when there is none.</summary>
    public long EarliestIssue(string zoneId, string clientId, string? userId) => Latest(zoneId, clientId, userId).Seconds;

    /// <summary>
    /// The moment to date what is issued now. A not-before is rounded up to the next second, because tokens have whole seconds: until that
    /// has begun the caller waits, so that what is issued after a revocation outlives it and ends with the next one (docs/decisions/0011).
    /// Who is revoked while he waits was let in before that: what he gets is dated before his wait, and dead.
    /// </summary>
    public ValueTask<DateTimeOffset> IssueTimeAsync(string zoneId, string clientId, string? userId, CancellationToken cancellationToken)
    {
        var (now, latest) = (time.GetUtcNow(), Latest(zoneId, clientId, userId));
        return Wait(latest.Seconds, now) == TimeSpan.Zero ? new(now) : AfterNotBeforeAsync(zoneId, clientId, userId, latest, now, cancellationToken);
    }

    private async ValueTask<DateTimeOffset> AfterNotBeforeAsync(
        string zoneId, string clientId, string? userId, (long Seconds, long Applied) latest, DateTimeOffset asked, CancellationToken cancellationToken)
    {
        // A timer may be early.
        for (var (i, now) = (0, asked); i < MostWaits; i++)
        {
            await pause.ForAsync(Wait(latest.Seconds, now), cancellationToken);
            now = time.GetUtcNow();
            if (Latest(zoneId, clientId, userId).Applied != latest.Applied) return asked;
            if (now.ToUnixTimeSeconds() >= latest.Seconds) return now;
        }
        return asked;
    }

    // Never longer than the rounding: a not-before in the far future ends what is issued until then.
    private static TimeSpan Wait(long earliest, DateTimeOffset now)
    {
        var left = DateTimeOffset.FromUnixTimeSeconds(earliest) - now;
        return left > TimeSpan.Zero && left <= TimeSpan.FromSeconds(1) ? left : TimeSpan.Zero;
    }

    /// <summary>Forgets what can concern no living token.</summary>
    public void Sweep()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var (subject, until) in _ended) if (until <= now) _ended.TryRemove(new KeyValuePair<Subject, long>(subject, until));
        foreach (var (subject, moment) in _notBefore) if (moment.Until <= now) _notBefore.TryRemove(new KeyValuePair<Subject, NotBefore>(subject, moment));
    }

    private bool Ended(RevocationKind kind, in TokenMarks token, string? subject) =>
        subject is not null && _ended.ContainsKey(new Subject(kind, token.ZoneId, subject, null));

    /// <summary>The latest second of all levels, and the number of the last not-before that came in for any of them.</summary>
    private (long Seconds, long Applied) Latest(string zoneId, string clientId, string? userId)
    {
        var (seconds, applied) = (0L, 0L);
        if (_notBefore.IsEmpty) return (seconds, applied);
        Look(RevocationKind.Zone, zoneId, null);
        Look(RevocationKind.Client, clientId, null);
        if (userId is not null)
        {
            Look(RevocationKind.User, userId, null);
            Look(RevocationKind.User, userId, clientId);
        }
        return (seconds, applied);

        void Look(RevocationKind kind, string subject, string? client)
        {
            if (!_notBefore.TryGetValue(new Subject(kind, zoneId, subject, client), out var found)) return;
            (seconds, applied) = (Math.Max(seconds, found.Seconds), Math.Max(applied, found.Applied));
        }
    }

    private readonly record struct Subject(RevocationKind Kind, string ZoneId, string Name, string? ClientId);

    private readonly record struct NotBefore(long Seconds, long Until, long Applied);
}
