using SecureMesh.Sdk;

namespace SecureMesh.Auth.Users;

/// <summary>A person who can sign in.</summary>
internal sealed record User
{
    public required string Id { get; init; }
    public required string ZoneId { get; init; }

    /// <summary>Where the person is known: <c>uaa</c> for those kept here.</summary>
    public string Origin { get; init; } = "uaa";

    public required string UserName { get; init; }
    /// <summary>Empty when none is known: then no token names one.</summary>
    public required string Email { get; init; }
    public string? GivenName { get; init; }
    public string? FamilyName { get; init; }
    public string? PhoneNumber { get; init; }
    public UserAttributes Attributes { get; init; } = new();
    public string? PasswordHash { get; init; }

    /// <summary>Changed with the password and to end every token of the user.</summary>
    public required string Salt { get; init; }

    public bool Active { get; init; } = true;
    public bool Verified { get; init; } = true;

    /// <summary>The user signs in again when it has a new password.</summary>
    public bool PasswordChangeRequired { get; init; }

    public bool Demo { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? LastLogonAt { get; init; }
    public DateTimeOffset? PreviousLogonAt { get; init; }

    // Long: whoever registers may itself be away for a while and undo what was left half done when it is back. Too late an
    // undo would leave a user without an account whose name nobody can have.
    public static readonly TimeSpan UndoRegistrationWithin = TimeSpan.FromDays(7);

    /// <summary>The client that registered the user and the SHA-256 of the key it gave; null for users made otherwise, or longer ago than it can be undone.</summary>
    public (string ClientId, string KeyHash)? Registration { get; init; }

    /// <summary>The form in which names are compared: without regard to case.</summary>
    public static string Key(string userName) => userName.ToLowerInvariant();

    /// <summary>A fresh id, a random UUID (RFC 9562 §5.4), as SCIM clients expect.</summary>
    public static string NewId()
    {
        var bytes = Entropy.Bytes(16);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}

/// <summary>The users of all zones and the groups they are in.</summary>
internal interface IUsers
{
    Task<User?> FindByNameAsync(string zoneId, string userName, CancellationToken cancellationToken);

    Task<User?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken);

    /// <summary>Names of the groups the user is a member of, without the default groups.</summary>
    Task<IReadOnlyList<string>> GroupsAsync(string zoneId, string userId, CancellationToken cancellationToken);

    /// <summary>Adds the user and its memberships unless the name is taken; decided by the unique index.</summary>
    /// <returns>True when it was added.</returns>
    Task<bool> TryAddAsync(User user, IReadOnlyList<string> groups, CancellationToken cancellationToken);

    /// <summary>Notes a successful sign-in.</summary>
    Task SignedInAsync(User user, DateTimeOffset at, CancellationToken cancellationToken);

    /// <summary>Stores the same password under a stronger hash, unless it was changed meanwhile.</summary>
    Task RehashAsync(User user, string hash, CancellationToken cancellationToken);

    /// <summary>Deletes the user that this client registered with this key, if it did so after <paramref name="since"/>, and all its tokens.</summary>
    /// <returns>The id of the deleted user, or null.</returns>
    Task<string?> UndoRegistrationAsync(string zoneId, string userName, string clientId, string keyHash, DateTimeOffset since, CancellationToken cancellationToken);
}

/// <summary>Failed sign-ins in a row, by name.</summary>
internal interface ISignInFailures
{
    /// <summary>Counts one attempt as failed before it is checked, in one conditional write.</summary>
    /// <returns>False when the name is locked, which an attempt does not extend.</returns>
    Task<bool> TryCountAsync(string zoneId, string nameHash, LockoutOptions lockout, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>True while the name is locked; counts nothing.</summary>
    Task<bool> IsLockedAsync(string zoneId, string nameHash, LockoutOptions lockout, DateTimeOffset now, CancellationToken cancellationToken);

    Task ClearAsync(string zoneId, string nameHash, CancellationToken cancellationToken);
}
