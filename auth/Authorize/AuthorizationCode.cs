using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Authorize;

/// <summary>What a code stands for; the code itself says nothing (V-040).</summary>
internal sealed record AuthorizationCode
{
    public required string ZoneId { get; init; }
    public required string ClientId { get; init; }
    public required string UserId { get; init; }

    /// <summary>Names everything that comes of it: claim <c>grant_id</c> and id of the refresh family.</summary>
    public required string GrantId { get; init; }

    /// <summary>As the request named it; null when it did not.</summary>
    public string? RedirectUri { get; init; }

    public required IReadOnlyList<string> Scopes { get; init; }
    public required IReadOnlyList<string> Resources { get; init; }
    public string? Nonce { get; init; }
    public string? CodeChallenge { get; init; }
    public string? DpopJkt { get; init; }
    public string? SessionId { get; init; }
    public required DateTimeOffset AuthTime { get; init; }
    public required SignInDetails Details { get; init; }

    /// <summary>Of client and user at the authorization: a password changed since ends the code.</summary>
    public required string RevSig { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>It was exchanged, or burned by wrong verifiers.</summary>
    public bool Consumed { get; init; }
}

/// <summary>The codes of all zones.</summary>
internal interface IAuthorizationCodes
{
    /// <summary>Stores a code and completes what it answers, all or nothing.</summary>
    /// <param name="codeHash">SHA-256 of the code; null for an answer without one.</param>
    /// <param name="code">What it stands for.</param>
    /// <param name="transactionHash">The transaction at the browser; null without one.</param>
    /// <param name="pushedHash">The pushed request; null without one.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when transaction or pushed request was completed before: nothing is stored then.</returns>
    Task<bool> TryCompleteAsync(string? codeHash, AuthorizationCode? code, string? transactionHash, string? pushedHash, DateTimeOffset now, CancellationToken cancellationToken);

    Task<AuthorizationCode?> FindAsync(string codeHash, CancellationToken cancellationToken);

    /// <summary>Spends the code in one conditional write.</summary>
    /// <returns>True for one caller alone, and none once the code has ended.</returns>
    Task<bool> TryConsumeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Counts a wrong verifier; the one that makes <paramref name="most"/> burns the code.</summary>
    Task CountFailureAsync(string codeHash, int most, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Ends what came of a code that was used twice: its refresh tokens, and by the revocation its access tokens.</summary>
    /// <returns>False when that was done before.</returns>
    Task<bool> EndReusedAsync(string codeHash, RevocationEvent revocation, DateTimeOffset now, CancellationToken cancellationToken);
}
