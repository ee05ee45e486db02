using Dapper;
using SecureMesh.Auth.Scim;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Storage;

/// <summary>A row of the table <c>users</c>: its columns stand here and nowhere else.</summary>
internal sealed class UserRow
{
    public string Id { get; init; } = "";
    public string ZoneId { get; init; } = "";
    public string Origin { get; init; } = "";
    public string UserName { get; init; } = "";
    public string Email { get; init; } = "";
    public string? GivenName { get; init; }
    public string? FamilyName { get; init; }
    public string? PhoneNumber { get; init; }
    public string? PasswordHash { get; init; }
    public string Salt { get; init; } = "";
    public bool Active { get; init; }
    public bool Verified { get; init; }
    public bool PasswordChangeRequired { get; init; }
    public bool Demo { get; init; }
    public long CreatedAt { get; init; }
    public long? LastLogonAt { get; init; }
    public long? PreviousLogonAt { get; init; }
    public string? RegistrationClient { get; init; }
    public string? RegistrationKeyHash { get; init; }
    public long Version { get; init; }
    public long UpdatedAt { get; init; }
    public long PasswordChangedAt { get; init; }
    public string? ExternalId { get; init; }
    public string Attributes { get; init; } = "{}";

    public User ToUser() => new()
    {
        Id = Id,
        ZoneId = ZoneId,
        Origin = Origin,
        UserName = UserName,
        Email = Email,
        GivenName = GivenName,
        FamilyName = FamilyName,
        PhoneNumber = PhoneNumber,
        PasswordHash = PasswordHash,
        Salt = Salt,
        Active = Active,
        Verified = Verified,
        PasswordChangeRequired = PasswordChangeRequired,
        Demo = Demo,
        CreatedAt = CreatedAt.At(),
        LastLogonAt = LastLogonAt.At(),
        PreviousLogonAt = PreviousLogonAt.At(),
        Attributes = UserAttributes.Parse(Attributes),
        Registration = RegistrationClient is null || RegistrationKeyHash is null ? null : (RegistrationClient, RegistrationKeyHash),
    };

    public UserEntry ToEntry() => new()
    {
        User = ToUser(),
        Version = Version,
        UpdatedAt = UpdatedAt.At(),
        PasswordChangedAt = PasswordChangedAt.At(),
        ExternalId = ExternalId,
    };

    /// <summary>Adds a user unless the name is taken at its origin.</summary>
    public const string Insert =
        """
        INSERT INTO users (id, zone_id, origin, user_name, user_name_key, email, given_name, family_name, phone_number, password_hash, salt,
            active, verified, demo, created_at, updated_at, password_changed_at, version, external_id, attributes, registration_client, registration_key_hash)
        VALUES (@Id, @ZoneId, @Origin, @UserName, @Key, @Email, @GivenName, @FamilyName, @PhoneNumber, @PasswordHash, @Salt,
            @Active, @Verified, @Demo, @CreatedAt, @UpdatedAt, @PasswordChangedAt, @Version, @ExternalId, @Attributes, @RegistrationClient, @RegistrationKeyHash)
        ON CONFLICT (zone_id, origin, user_name_key) DO NOTHING
        """;

    /// <summary>Replaces what administration may change, of the version <c>@seen</c>; the password is not touched.</summary>
    public const string Replace =
        """
        UPDATE users SET user_name = @UserName, user_name_key = @Key, email = @Email, given_name = @GivenName, family_name = @FamilyName,
            phone_number = @PhoneNumber, active = @Active, verified = @Verified, updated_at = @UpdatedAt, version = @Version,
            external_id = @ExternalId, attributes = @Attributes
        WHERE id = @Id AND zone_id = @ZoneId AND version = @seen
        """;

    /// <summary>The parameters of both.</summary>
    public static DynamicParameters Of(UserEntry entry)
    {
        var user = entry.User;
        return new DynamicParameters(new
        {
            user.Id,
            user.ZoneId,
            user.Origin,
            user.UserName,
            Key = User.Key(user.UserName),
            user.Email,
            user.GivenName,
            user.FamilyName,
            user.PhoneNumber,
            user.PasswordHash,
            user.Salt,
            user.Active,
            user.Verified,
            user.Demo,
            CreatedAt = user.CreatedAt.Milliseconds(),
            UpdatedAt = entry.UpdatedAt.Milliseconds(),
            PasswordChangedAt = entry.PasswordChangedAt.Milliseconds(),
            entry.Version,
            entry.ExternalId,
            Attributes = user.Attributes.ToJson(),
            RegistrationClient = user.Registration?.ClientId,
            RegistrationKeyHash = user.Registration?.KeyHash,
        });
    }
}
