namespace SecureMesh.Auth.Logout;

/// <summary>One application that must hear of the end of a session (OpenID Connect Back-Channel Logout).</summary>
internal sealed record LogoutNotice
{
    public required string Id { get; init; }
    public required string ZoneId { get; init; }
    public required string ClientId { get; init; }
    public required string UserId { get; init; }
    public required string SessionId { get; init; }

    /// <summary>How often it was tried before.</summary>
    public required int Tries { get; init; }

    public required DateTimeOffset DueAt { get; init; }
}

/// <summary>The notices that are still to be delivered; written in the transaction that ends the session.</summary>
internal interface ILogoutNotices
{
    /// <summary>Those that are due, a few of each application, so that one with many does not hide the others.</summary>
    Task<IReadOnlyList<LogoutNotice>> DueAsync(DateTimeOffset now, int ofEachClient, CancellationToken cancellationToken);

    /// <summary>Takes a notice for one try, in one conditional write; until <paramref name="until"/> nobody else does.</summary>
    /// <returns>False when another instance was faster.</returns>
    Task<bool> TryClaimAsync(LogoutNotice notice, DateTimeOffset until, CancellationToken cancellationToken);

    /// <summary>Sets the time of the next try.</summary>
    Task PostponeAsync(string noticeId, DateTimeOffset dueAt, CancellationToken cancellationToken);

    Task RemoveAsync(string noticeId, CancellationToken cancellationToken);
}
