using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Sessions;

/// <summary>A person signed in at a browser (T-21, K-13).</summary>
internal sealed record Session
{
    /// <summary>Claim <c>sid</c>; it opens nothing, the cookie holds another value.</summary>
    public required string Id { get; init; }

    public required string ZoneId { get; init; }
    public required string UserId { get; init; }

    /// <summary>When the person last proved who it is; apart from when the session began.</summary>
    public required DateTimeOffset AuthTime { get; init; }

    public required IReadOnlyList<string> Amr { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends however much it is used.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it was last used, within a minute.</summary>
    public required DateTimeOffset SeenAt { get; init; }

    /// <summary>Where the person signed in.</summary>
    public string? Address { get; init; }

    /// <summary>The browser, in its own words.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The user's salt at the sign-in: with the password it changes, and the session ends.</summary>
    public required string UserSalt { get; init; }
}

/// <summary>Who is signed in at the browser that asks.</summary>
internal interface ISessions
{
    /// <summary>The live session of the request and its user; null when there is none, or the user may not sign in any more.</summary>
    Task<(Session Session, User User)?> CurrentAsync(HttpContext http, CancellationToken cancellationToken);

    /// <summary>
    /// Begins a session and sets a fresh cookie. The same person's session at this browser goes on under its <c>sid</c>, another
    /// person's ends.
    /// </summary>
    Task<Session> StartAsync(HttpContext http, User user, IReadOnlyList<string> amr, CancellationToken cancellationToken);

    /// <summary>Ends the session, its tokens and refresh families (not the offline ones), and tells the applications it reached.</summary>
    Task EndAsync(string sessionId, string because, CancellationToken cancellationToken);

    /// <summary>Takes the session's cookie from the browser.</summary>
    void Forget(HttpContext http);

    /// <summary>Notes that the session has reached an application, which will hear of its end.</summary>
    Task ReachedAsync(Session session, string clientId, CancellationToken cancellationToken);

    /// <summary>False once the session has ended: what was begun in it must not be finished.</summary>
    Task<bool> IsLiveAsync(string sessionId, CancellationToken cancellationToken);

    /// <summary>The live sessions of a user, the last used first.</summary>
    Task<IReadOnlyList<Session>> ListAsync(string zoneId, string userId, CancellationToken cancellationToken);

    /// <summary>Ends every session of a user.</summary>
    Task EndAllAsync(string zoneId, string userId, string because, CancellationToken cancellationToken);
}
