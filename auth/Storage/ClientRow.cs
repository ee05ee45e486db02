using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Storage;

/// <summary>A row of the table <c>clients</c>: its columns stand here and nowhere else.</summary>
internal sealed class ClientRow
{
    public string ZoneId { get; init; } = "";
    public string ClientId { get; init; } = "";
    public string Name { get; init; } = "";
    public string? SecretHash { get; init; }
    public string? OlderSecretHash { get; init; }
    public long? OlderSecretExpiresAt { get; init; }
    public bool AllowPublic { get; init; }
    public string GrantTypes { get; init; } = "";
    public string Scopes { get; init; } = "";
    public string Authorities { get; init; } = "";
    public string RedirectUris { get; init; } = "";
    public string AutoApprove { get; init; } = "";
    public long? AccessTokenValidity { get; init; }
    public long? RefreshTokenValidity { get; init; }
    public string Wire { get; init; } = "";
    public string TokenSalt { get; init; } = "";
    public string Metadata { get; init; } = "{}";
    public bool Enabled { get; init; }
    public bool Demo { get; init; }
    public long UpdatedAt { get; init; }

    public Client ToClient() => new()
    {
        ZoneId = ZoneId,
        Id = ClientId,
        Name = Name,
        SecretHash = SecretHash,
        OlderSecretHash = OlderSecretHash,
        OlderSecretExpiresAt = OlderSecretExpiresAt.At(),
        AllowPublic = AllowPublic,
        GrantTypes = Words.Split(GrantTypes),
        Scopes = Words.Split(Scopes),
        Authorities = Words.Split(Authorities),
        RedirectUris = Words.Split(RedirectUris),
        AutoApprove = Words.Split(AutoApprove),
        AccessTokenValidity = AccessTokenValidity is { } access ? TimeSpan.FromSeconds(access) : null,
        RefreshTokenValidity = RefreshTokenValidity is { } refresh ? TimeSpan.FromSeconds(refresh) : null,
        Wire = Wire,
        TokenSalt = TokenSalt,
        Metadata = ClientMetadata.Parse(Metadata),
        Enabled = Enabled,
        Demo = Demo,
    };

    /// <summary>Adds a client unless the name is taken.</summary>
    public const string Insert =
        """
        INSERT INTO clients (zone_id, client_id, name, secret_hash, older_secret_hash, older_secret_expires_at, allow_public, grant_types, scopes,
            authorities, redirect_uris, auto_approve, access_token_validity, refresh_token_validity, wire, token_salt, metadata, enabled, demo, created_at, updated_at)
        VALUES (@ZoneId, @Id, @Name, @SecretHash, @OlderSecretHash, @OlderSecretExpiresAt, @AllowPublic, @GrantTypes, @Scopes,
            @Authorities, @RedirectUris, @AutoApprove, @AccessTokenValidity, @RefreshTokenValidity, @Wire, @TokenSalt, @Metadata, @Enabled, @Demo, @at, @at)
        ON CONFLICT (zone_id, client_id) DO NOTHING
        """;

    /// <summary>Replaces what administration may change, of the state <c>@seen</c>.</summary>
    public const string Replace =
        """
        UPDATE clients SET name = @Name, secret_hash = @SecretHash, older_secret_hash = @OlderSecretHash, older_secret_expires_at = @OlderSecretExpiresAt,
            allow_public = @AllowPublic, grant_types = @GrantTypes, scopes = @Scopes, authorities = @Authorities, redirect_uris = @RedirectUris,
            auto_approve = @AutoApprove, access_token_validity = @AccessTokenValidity, refresh_token_validity = @RefreshTokenValidity, wire = @Wire,
            token_salt = @TokenSalt, metadata = @Metadata, enabled = @Enabled, updated_at = @at
        WHERE zone_id = @ZoneId AND client_id = @Id AND updated_at = @seen
        """;

    /// <summary>The parameters of both.</summary>
    public static DynamicParameters Of(Client client, DateTimeOffset at) => new(new
    {
        client.ZoneId,
        client.Id,
        client.Name,
        client.SecretHash,
        client.OlderSecretHash,
        OlderSecretExpiresAt = client.OlderSecretExpiresAt?.Milliseconds(),
        client.AllowPublic,
        GrantTypes = Words.Join(client.GrantTypes),
        Scopes = Words.Join(client.Scopes),
        Authorities = Words.Join(client.Authorities),
        RedirectUris = Words.Join(client.RedirectUris),
        AutoApprove = Words.Join(client.AutoApprove),
        AccessTokenValidity = (long?)client.AccessTokenValidity?.TotalSeconds,
        RefreshTokenValidity = (long?)client.RefreshTokenValidity?.TotalSeconds,
        client.Wire,
        client.TokenSalt,
        Metadata = client.Metadata.ToJson(),
        client.Enabled,
        client.Demo,
        at = at.Milliseconds(),
    });
}
