using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlClients(SqlDatabase database, IInvalidations invalidations, TimeProvider time) : IClients
{
    public async Task<Client?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            "SELECT * FROM clients WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, cancellationToken: cancellationToken));
        return row?.ToClient();
    }

    public Task<bool> TryAddAsync(Client client, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await AddAsync(connection, transaction, client, cancellationToken), cancellationToken);

    private async Task<bool> AddAsync(DbConnection connection, DbTransaction transaction, Client client, CancellationToken cancellationToken)
    {
        var added = await connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO clients (zone_id, client_id, name, secret_hash, older_secret_hash, older_secret_expires_at, allow_public, grant_types, scopes,
                authorities, redirect_uris, auto_approve, access_token_validity, refresh_token_validity, wire, token_salt, metadata, enabled, demo, created_at, updated_at)
            VALUES (@ZoneId, @Id, @Name, @SecretHash, @OlderSecretHash, @OlderSecretExpiresAt, @AllowPublic, @GrantTypes, @Scopes,
                @Authorities, @RedirectUris, @AutoApprove, @AccessTokenValidity, @RefreshTokenValidity, @Wire, @TokenSalt, @Metadata, @Enabled, @Demo, @Now, @Now)
            ON CONFLICT (zone_id, client_id) DO NOTHING
            """,
            new
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
                Now = time.GetUtcNow().Milliseconds(),
            },
            transaction, cancellationToken: cancellationToken)) == 1;
        // The origins of public clients are kept in memory too.
        if (added) await invalidations.PublishAsync(connection, transaction, Topics.Client, client.Id);
        return added;
    }

    public Task<bool> ReplaceSecretAsync(string zoneId, string clientId, string secretHash, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            await invalidations.PublishAsync(connection, transaction, Topics.Client, clientId);
            return await connection.ExecuteAsync(new CommandDefinition(
                """
                UPDATE clients SET secret_hash = @secretHash, older_secret_hash = NULL, older_secret_expires_at = NULL, updated_at = @now
                WHERE zone_id = @zoneId AND client_id = @clientId AND (secret_hash IS NULL OR secret_hash <> @secretHash)
                """,
                new { zoneId, clientId, secretHash, now = time.GetUtcNow().Milliseconds() }, transaction, cancellationToken: cancellationToken)) == 1;
        }, cancellationToken);

    internal sealed class Row
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
    }
}
