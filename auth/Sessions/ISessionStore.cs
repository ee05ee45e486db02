namespace SecureMesh.Auth.Sessions;

/// <summary>The sessions of all zones, found by the hash of their cookie.</summary>
internal interface ISessionStore
{
    Task AddAsync(Session session, string secretHash, CancellationToken cancellationToken);

    /// <summary>The session, unless it has ended, is too old or was not used after <paramref name="idleSince"/>.</summary>
    Task<Session?> FindAsync(string secretHash, DateTimeOffset now, DateTimeOffset idleSince, CancellationToken cancellationToken);

    Task<bool> IsLiveAsync(string sessionId, DateTimeOffset now, CancellationToken cancellationToken);

    Task SeenAsync(string sessionId, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Gives a session that has not ended a new secret and what the new sign-in was like, in one conditional write.</summary>
    /// <returns>False when the old secret opens it no longer.</returns>
    Task<bool> RenewAsync(Session session, string oldSecretHash, string newSecretHash, CancellationToken cancellationToken);

    /// <summary>Notes the application, unless the session has ended.</summary>
    Task ReachedAsync(string sessionId, string clientId, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>
    /// In one transaction: the end of the session, of its refresh families (the offline ones are parted from it), the revocation
    /// of its access tokens, and a notice to each application that wants one.
    /// </summary>
    /// <returns>False when it had ended before.</returns>
    Task<bool> EndAsync(string sessionId, string because, DateTimeOffset now, DateTimeOffset lastTokenEnds, CancellationToken cancellationToken);

    Task<IReadOnlyList<Session>> ListAsync(string zoneId, string userId, DateTimeOffset now, DateTimeOffset idleSince, CancellationToken cancellationToken);
}
