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
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>Who is signed in at the browser that asks.</summary>
internal interface ISessions
{
    /// <summary>The live session of the request and its user; null when there is none, or the user may not sign in any more.</summary>
    Task<(Session Session, User User)?> CurrentAsync(HttpContext http, CancellationToken cancellationToken);

    /// <summary>Begins a session with a fresh id and sets its cookie; a session of another person at this browser ends.</summary>
    Task<Session> StartAsync(HttpContext http, User user, IReadOnlyList<string> amr, CancellationToken cancellationToken);

    /// <summary>Ends the session, its tokens and refresh families (not the offline ones), and tells the applications it reached.</summary>
    Task EndAsync(string sessionId, string because, CancellationToken cancellationToken);

    /// <summary>Notes that the session has reached an application, which will hear of its end.</summary>
    Task ReachedAsync(Session session, string clientId, CancellationToken cancellationToken);
}
