namespace SecureMesh.Auth.Revocation;

/// <summary>What ended: counted for the audit, so that a revocation that hit too many is seen (V-013).</summary>
internal sealed record RevokedCounts(int Families, int OpaqueTokens, int ApiTokens);

/// <summary>Ends all tokens of a user or a client, in one transaction with what makes it so.</summary>
internal interface IBulkRevocation
{
    /// <summary>All of a user, at every client: gives the user a new salt, on which <c>rev_sig</c> hangs.</summary>
    /// <returns>Null when there is no such user.</returns>
    Task<RevokedCounts?> OfUserAsync(string zoneId, string userId, string because, CancellationToken cancellationToken);

    /// <summary>All of a user at one client.</summary>
    /// <returns>Null when there is no such user or client.</returns>
    Task<RevokedCounts?> OfUserAtClientAsync(string zoneId, string userId, string clientId, string because, CancellationToken cancellationToken);

    /// <summary>All of a client, for every user: gives the client a new token salt.</summary>
    /// <returns>Null when there is no such client.</returns>
    Task<RevokedCounts?> OfClientAsync(string zoneId, string clientId, string because, CancellationToken cancellationToken);
}

/// <summary>A token that stands in the database.</summary>
/// <param name="Id">Names it at the revocation: the <c>jti</c>, of a refresh token its family and <c>-r</c>.</param>
/// <param name="Kind"><c>ACCESS_TOKEN</c> or <c>REFRESH_TOKEN</c>.</param>
/// <param name="ClientId">The client that holds it.</param>
/// <param name="UserId">Null for a client in its own name.</param>
/// <param name="Scope">Separated by spaces.</param>
/// <param name="IssuedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record StoredToken(string Id, string Kind, string ClientId, string? UserId, string Scope, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>The tokens that stand in the database: opaque access tokens, refresh tokens and API tokens.</summary>
internal interface IStoredTokens
{
    /// <summary>The live ones of a user or of a client.</summary>
    Task<IReadOnlyList<StoredToken>> ListAsync(string zoneId, string? userId, string? clientId, CancellationToken cancellationToken);

    Task<StoredToken?> FindAsync(string zoneId, string tokenId, CancellationToken cancellationToken);

    /// <summary>Ends it.</summary>
    /// <returns>False when it was gone meanwhile.</returns>
    Task<bool> RevokeAsync(string zoneId, StoredToken token, string because, CancellationToken cancellationToken);
}
