using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Approvals;

/// <summary>The decisions of all users, and what hangs on them: a withdrawal and the end of the refresh tokens it concerns are one transaction (T-11).</summary>
internal interface IApprovalStore
{
    /// <summary>The user's decisions that still count; of one client when it is named.</summary>
    Task<IReadOnlyList<Approval>> ListAsync(string zoneId, string userId, string? clientId, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Adds these decisions to the others; refresh families that hold a scope denied here end.</summary>
    Task DecideAsync(User user, IReadOnlyList<Approval> decisions, Withdrawal withdrawal, CancellationToken cancellationToken);

    /// <summary>Puts these decisions in the place of the others; refresh families that hold a scope no longer approved end.</summary>
    /// <param name="user">The user.</param>
    /// <param name="clientId">Of this client alone; null for all.</param>
    /// <param name="decisions">What holds from now on.</param>
    /// <param name="withdrawal">How the ends are told.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task ReplaceAsync(User user, string? clientId, IReadOnlyList<Approval> decisions, Withdrawal withdrawal, CancellationToken cancellationToken);

    /// <summary>Forgets all decisions for a client and ends every refresh family of the user there.</summary>
    Task WithdrawAsync(User user, string clientId, Withdrawal withdrawal, CancellationToken cancellationToken);
}

/// <summary>What a withdrawal notes where it ends something.</summary>
/// <param name="Now">The moment.</param>
/// <param name="LastTokenEnds">When the last access token it can concern has expired.</param>
/// <param name="Because">For the operator.</param>
internal sealed record Withdrawal(DateTimeOffset Now, DateTimeOffset LastTokenEnds, string Because);
