using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlClients(SqlDatabase database, IInvalidations invalidations, TimeProvider time) : IClients
{
    public async Task<Client?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<ClientRow>(new CommandDefinition(
            "SELECT * FROM clients WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, cancellationToken: cancellationToken));
        return row?.ToClient();
    }

    public Task<bool> TryAddAsync(Client client, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await AddAsync(connection, transaction, client, cancellationToken), cancellationToken);

    private async Task<bool> AddAsync(DbConnection connection, DbTransaction transaction, Client client, CancellationToken cancellationToken)
    {
        var added = await connection.ExecuteAsync(new CommandDefinition(
            ClientRow.Insert, ClientRow.Of(client, time.GetUtcNow()), transaction, cancellationToken: cancellationToken)) == 1;
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
}
