namespace SecureMesh.Auth.Keys;

/// <summary>The life of a signing key (T-16), in the words in which the database has it.</summary>
internal static class KeyState
{
    /// <summary>Published, so that everyone can know it before it signs.</summary>
    public const string Announced = "announced";

    /// <summary>Signs; one for each algorithm.</summary>
    public const string Active = "active";

    /// <summary>Signs no more, but what it signed is good until it expires.</summary>
    public const string Retired = "retired";

    /// <summary>Not published; its private half is gone.</summary>
    public const string Removed = "removed";
}

/// <summary>A signing key as stored: sealed.</summary>
/// <param name="Alg">JWS algorithm.</param>
/// <param name="Generation">Counts from 1 for each algorithm; the database lets one instance alone make a generation.</param>
/// <param name="Kid">RFC 7638 thumbprint.</param>
/// <param name="State">One of <see cref="KeyState"/>.</param>
/// <param name="SealedPrivate">PKCS #8 under data protection, base64url; empty once the key is removed.</param>
internal sealed record StoredKey(string Alg, long Generation, string Kid, string State, string SealedPrivate)
{
    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? ActivatedAt { get; init; }

    public DateTimeOffset? RetiredAt { get; init; }

    /// <summary>Everyone may see the public half, and tokens it signed are good.</summary>
    public bool IsPublished => State is KeyState.Announced or KeyState.Active or KeyState.Retired;
}

/// <summary>The signing keys of all instances on one database.</summary>
internal interface ISigningKeys
{
    /// <summary>All keys, the removed ones too: generations are never used twice.</summary>
    Task<IReadOnlyList<StoredKey>> ListAsync(string zoneId, CancellationToken cancellationToken);

    /// <summary>Adds the key unless its generation exists; decided by the primary key.</summary>
    /// <returns>True when it was added.</returns>
    Task<bool> TryAddAsync(string zoneId, StoredKey key, CancellationToken cancellationToken);

    /// <summary>Lets an announced key sign and retires the one that did; decided by its row.</summary>
    /// <returns>True when this caller did it.</returns>
    Task<bool> TryActivateAsync(string zoneId, StoredKey announced, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Destroys the private half of a retired key and publishes it no more.</summary>
    /// <returns>True when this caller did it.</returns>
    Task<bool> TryRemoveAsync(string zoneId, string kid, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Puts new active keys in the place of all others and revokes what those signed, in one transaction.</summary>
    /// <returns>The names of the removed keys; null when one of the generations exists by now and nothing was changed.</returns>
    Task<IReadOnlyList<string>?> TryReplaceAsync(
        string zoneId, IReadOnlyList<StoredKey> fresh, DateTimeOffset now, DateTimeOffset revocationsEnd, CancellationToken cancellationToken);
}
