using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Approvals;

/// <summary>What a user decided about one scope for one client (uaa.md §2.4).</summary>
internal sealed record Approval
{
    public required string UserId { get; init; }
    public required string ClientId { get; init; }
    public required string Scope { get; init; }

    /// <summary>False: denied, which holds as long.</summary>
    public required bool Approved { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }
    public required DateTimeOffset UpdatedAt { get; init; }
}

/// <summary>How the scopes of a request stand with the user (T-15).</summary>
/// <param name="Approved">Granted without a question: approved before, or by the client's registration.</param>
/// <param name="Denied">Denied before; not granted, and not asked again for a while.</param>
/// <param name="Undecided">To be asked.</param>
internal sealed record Decisions(IReadOnlyList<string> Approved, IReadOnlyList<string> Denied, IReadOnlyList<string> Undecided);

/// <summary>The decisions of users about what clients may do in their names.</summary>
internal interface IApprovals
{
    /// <summary>How the scopes stand; <c>offline_access</c> is approved by the user alone, never by the registration.</summary>
    Task<Decisions> DecisionsAsync(User user, Client client, IReadOnlyList<string> scopes, CancellationToken cancellationToken);

    /// <summary>The scopes that must still be asked.</summary>
    Task<IReadOnlyList<string>> UndecidedAsync(User user, Client client, IReadOnlyList<string> scopes, CancellationToken cancellationToken);

    /// <summary>Stores what the user decided, for one month. Scopes denied here end the refresh families that hold them.</summary>
    Task DecideAsync(User user, Client client, IReadOnlyList<string> approved, IReadOnlyList<string> denied, CancellationToken cancellationToken);
}
