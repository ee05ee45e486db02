using SecureMesh.Auth.Scim.Filters;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Scim;

/// <summary>A user as the administration sees it.</summary>
internal sealed record UserEntry
{
    public required User User { get; init; }

    /// <summary>Counts the writes of administration, from 0.</summary>
    public long Version { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
    public required DateTimeOffset PasswordChangedAt { get; init; }
    public string? ExternalId { get; init; }
}

/// <summary>How a conditional write went.</summary>
internal enum Written
{
    Yes,

    /// <summary>Somebody wrote since it was read, or the user is gone.</summary>
    Stale,

    NameTaken,
}

/// <summary>The users of all zones, for those who administer them.</summary>
internal interface IUserDirectory
{
    Task<UserEntry?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken);

    Task<UserEntry?> FindByNameAsync(string zoneId, string origin, string userName, CancellationToken cancellationToken);

    Task<(IReadOnlyList<UserEntry> Page, long Total)> ListAsync(string zoneId, Listing listing, CancellationToken cancellationToken);

    /// <summary>Adds the user unless the name is taken at its origin; decided by the unique index.</summary>
    /// <returns>True when it was added.</returns>
    Task<bool> TryAddAsync(UserEntry entry, CancellationToken cancellationToken);

    /// <summary>Replaces a user that is still of version <paramref name="seen"/>; the password is not touched.</summary>
    /// <param name="entry">As it shall be.</param>
    /// <param name="seen">The version the caller has read.</param>
    /// <param name="endTokensBecause">Ends the user's tokens and renewable sign-ins in the same transaction; null leaves them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<Written> TryReplaceAsync(UserEntry entry, long seen, string? endTokensBecause, CancellationToken cancellationToken);

    /// <summary>Sets password and salt and ends the user's tokens and renewable sign-ins.</summary>
    /// <param name="entry">As the caller read it.</param>
    /// <param name="passwordHash">The new hash.</param>
    /// <param name="salt">The new salt, with which every older token is dead.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when the password was changed since it was read, or the user is gone.</returns>
    Task<bool> TrySetPasswordAsync(UserEntry entry, string passwordHash, string salt, CancellationToken cancellationToken);

    /// <summary>Makes the user change its password before it signs in again, and ends its tokens and renewable sign-ins.</summary>
    Task RequirePasswordChangeAsync(string zoneId, string userId, CancellationToken cancellationToken);

    /// <summary>Deletes the user, what it decided and its memberships, and ends its tokens and renewable sign-ins.</summary>
    /// <param name="zoneId">The zone.</param>
    /// <param name="userId">The user.</param>
    /// <param name="seen">Only while it is of this version; null: of any.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<bool> DeleteAsync(string zoneId, string userId, long? seen, CancellationToken cancellationToken);

    /// <summary>Ids and names of the groups these users are members of.</summary>
    Task<ILookup<string, UserGroup>> GroupsAsync(string zoneId, IReadOnlyList<string> userIds, CancellationToken cancellationToken);

    /// <summary>The groups of these names; those that are missing are made.</summary>
    Task<IReadOnlyList<UserGroup>> NamedGroupsAsync(string zoneId, IReadOnlyList<string> names, CancellationToken cancellationToken);
}

/// <summary>One group of a user.</summary>
internal sealed record UserGroup(string Id, string Name);
