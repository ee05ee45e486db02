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
            _notBefore.AddOrUpdate(subject, new NotBefore(moment.ToUnixTimeSeconds(), until),
                (_, known) => new NotBefore(Math.Max(known.Seconds, moment.ToUnixTimeSeconds()), Math.Max(known.Until, until)));
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
    public long EarliestIssue(string zoneId, string clientId, string? userId)
    {
        if (_notBefore.IsEmpty) return 0;
        var latest = Math.Max(Moment(RevocationKind.Zone, zoneId, zoneId, null), Moment(RevocationKind.Client, zoneId, clientId, null));
        if (userId is null) return latest;
        return Math.Max(latest, Math.Max(Moment(RevocationKind.User, zoneId, userId, null), Moment(RevocationKind.User, zoneId, userId, clientId)));
    }

    /// <summary>
    /// The moment to date what is issued now. A not-before is rounded up to the next second, because tokens have whole seconds: until that
    /// has begun the caller waits, so that what is issued after a revocation outlives it and ends with the next one (docs/decisions/0011).
    /// </summary>
    public ValueTask<DateTimeOffset> IssueTimeAsync(string zoneId, string clientId, string? userId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return Wait(EarliestIssue(zoneId, clientId, userId), now) == TimeSpan.Zero ? new(now) : AfterNotBeforeAsync(zoneId, clientId, userId, cancellationToken);
    }

    private async ValueTask<DateTimeOffset> AfterNotBeforeAsync(string zoneId, string clientId, string? userId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        // A timer may be early, and another revocation may come meanwhile. One who is revoked again and again gets a dead token, not an endless wait.
        for (var i = 0; i < MostWaits && Wait(EarliestIssue(zoneId, clientId, userId), now) is var wait && wait > TimeSpan.Zero; i++)
        {
            await pause.ForAsync(wait, cancellationToken);
            now = time.GetUtcNow();
        }
        return now;
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

    private long Moment(RevocationKind kind, string zoneId, string subject, string? clientId) =>
        _notBefore.TryGetValue(new Subject(kind, zoneId, subject, clientId), out var moment) ? moment.Seconds : 0;

    private readonly record struct Subject(RevocationKind Kind, string ZoneId, string Name, string? ClientId);

    private readonly record struct NotBefore(long Seconds, long Until);
}
