using System.Net;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>A token that a person or a service made for its own programs. The owner never changes (V-114).</summary>
internal sealed record ApiToken
{
    /// <summary>Names it in lists, logs and claim <c>jti</c>; it opens nothing.</summary>
    public required string Id { get; init; }

    public required string ZoneId { get; init; }

    /// <summary>The owner, or the client through which the user made it: when that is disabled or revoked, so is the token.</summary>
    public required string ClientId { get; init; }

    /// <summary>The owner; null when the client is.</summary>
    public string? UserId { get; init; }

    public required string Label { get; init; }
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>Claim <c>iat</c>: at a revocation of everything before a moment, after it.</summary>
    public required DateTimeOffset IssuedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? LastUsedAt { get; init; }
    public string? LastUsedAddress { get; init; }
    public DateTimeOffset? RevokedAt { get; init; }
}

/// <summary>One use of an API token.</summary>
internal sealed record ApiTokenUse(string Id, DateTimeOffset At, IPAddress? Address);

/// <summary>The API tokens of all zones.</summary>
internal interface IApiTokens
{
    /// <summary>Adds the token unless its owner has <paramref name="most"/> live ones.</summary>
    /// <returns>True when it was added.</returns>
    Task<bool> TryAddAsync(ApiToken token, string hash, int most, CancellationToken cancellationToken);

    /// <summary>The token, also when it was revoked.</summary>
    Task<ApiToken?> FindAsync(string hash, CancellationToken cancellationToken);

    Task<ApiToken?> FindByIdAsync(string zoneId, string id, CancellationToken cancellationToken);

    /// <summary>Those of a user, or of a client itself, that are not revoked; the newest first.</summary>
    Task<IReadOnlyList<ApiToken>> ListAsync(string zoneId, string? clientId, string? userId, CancellationToken cancellationToken);

    /// <summary>Revokes and records the revocation with it.</summary>
    /// <returns>False when it was revoked already.</returns>
    Task<bool> RevokeAsync(ApiToken token, string because, DateTimeOffset now, CancellationToken cancellationToken);

    Task UsedAsync(IReadOnlyCollection<ApiTokenUse> uses, CancellationToken cancellationToken);
}
