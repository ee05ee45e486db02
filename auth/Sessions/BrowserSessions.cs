using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Sessions;

/// <summary>Sessions as rows, opened by an opaque cookie; the user is asked for anew at every request (T-21).</summary>
internal sealed partial class BrowserSessions(
    ISessionStore store, IUsers users, Current<SessionOptions> options, LogoutBell bell, IAudit audit, TimeProvider time, ILogger<BrowserSessions> logger) : ISessions
{
    private const int LongestUserAgent = 200;
    private static readonly TimeSpan SeenEvery = TimeSpan.FromMinutes(1);
    private static readonly BrowserCookie Cookie = new("sm-session");

    public async Task<(Session Session, User User)?> CurrentAsync(HttpContext http, CancellationToken cancellationToken)
    {
        var secret = Cookie.Read(http.Request);
        return secret is null ? null : await OpenAsync(BrowserCookie.Hash(secret), cancellationToken);
    }

    public async Task<Session> StartAsync(HttpContext http, User user, IReadOnlyList<string> amr, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var oldHash = Cookie.Read(http.Request) is { } old ? BrowserCookie.Hash(old) : null;
        var before = oldHash is null ? null : await OpenAsync(oldHash, cancellationToken);
        // A secret that stood in the browser before the sign-in opens nothing after it, whoever put it there.
        var hash = BrowserCookie.Hash(Cookie.Set(http.Response));
        var session = new Session
        {
            Id = Entropy.HexId(),
            ZoneId = user.ZoneId,
            UserId = user.Id,
            AuthTime = now,
            Amr = amr,
            CreatedAt = now,
            SeenAt = now,
            ExpiresAt = now + options.Value.Absolute,
            Address = http.Connection.RemoteIpAddress?.ToString(),
            UserAgent = UserAgent(http.Request),
            UserSalt = user.Salt,
        };
        if (before is { } current && current.User.Id == user.Id)
        {
            // The same person once more: the applications of the session go on, so it keeps its sid.
            var renewed = session with { Id = current.Session.Id, CreatedAt = current.Session.CreatedAt };
            if (await store.RenewAsync(renewed, oldHash!, hash, cancellationToken)) return Started(renewed, "renewed");
        }
        else if (before is { } foreign)
        {
            // Another person: nothing of the one before may be taken for his (V-045).
            await EndAsync(foreign.Session.Id, "another person signed in at the browser", cancellationToken);
        }
        await store.AddAsync(session, hash, cancellationToken);
        return Started(session, null);
    }

    public async Task EndAsync(string sessionId, string because, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        // A minute more than the longest token: a code that is being redeemed right now.
        if (!await store.EndAsync(sessionId, because, now, now + TokenOptions.LongestAccess + TimeSpan.FromMinutes(1), cancellationToken)) return;
        Log.Ended(logger, sessionId, because);
        audit.Record(new AuditEvent("session.ended") { SessionId = sessionId, Reason = because });
        bell.Ring();
    }

    public void Forget(HttpContext http) => Cookie.Delete(http.Response);

    public Task ReachedAsync(Session session, string clientId, CancellationToken cancellationToken) =>
        store.ReachedAsync(session.Id, clientId, time.GetUtcNow(), cancellationToken);

    public Task<bool> IsLiveAsync(string sessionId, CancellationToken cancellationToken) => store.IsLiveAsync(sessionId, time.GetUtcNow(), cancellationToken);

    public Task<IReadOnlyList<Session>> ListAsync(string zoneId, string userId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return store.ListAsync(zoneId, userId, now, now - options.Value.Idle, cancellationToken);
    }

    public async Task EndAllAsync(string zoneId, string userId, string because, CancellationToken cancellationToken)
    {
        foreach (var session in await ListAsync(zoneId, userId, cancellationToken)) await EndAsync(session.Id, because, cancellationToken);
    }

    private async Task<(Session Session, User User)?> OpenAsync(string hash, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (await store.FindAsync(hash, now, now - options.Value.Idle, cancellationToken) is not { } session) return null;
        var user = await users.FindAsync(session.ZoneId, session.UserId, cancellationToken);
        if (user is not { Active: true, Verified: true, PasswordChangeRequired: false } || user.Salt != session.UserSalt)
        {
            await EndAsync(session.Id, "the user is gone, not active, or has or needs a new password", cancellationToken);
            return null;
        }
        if (now - session.SeenAt >= SeenEvery) await store.SeenAsync(session.Id, now, cancellationToken);
        return (session, user);
    }

    private Session Started(Session session, string? how)
    {
        Log.Started(logger, session.Id, session.UserId);
        audit.Record(new AuditEvent("session.started") { SessionId = session.Id, UserId = session.UserId, Reason = how });
        return session;
    }

    private static string? UserAgent(HttpRequest request)
    {
        var text = request.Headers.UserAgent.ToString();
        return text.Length == 0 ? null : OAuthError.Printable(text.Length > LongestUserAgent ? text[..LongestUserAgent] : text);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.SessionStarted, LogLevel.Information, "Session {SessionId} of user {UserId} began")]
        public static partial void Started(ILogger logger, string sessionId, string userId);

        [LoggerMessage(EventIds.SessionEnded, LogLevel.Information, "Session {SessionId} ended: {Reason}")]
        public static partial void Ended(ILogger logger, string sessionId, string reason);
    }
}
