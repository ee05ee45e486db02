using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlBulkRevocation(SqlDatabase database, IRevocations revocations, IInvalidations invalidations, TimeProvider time) : IBulkRevocation
{
    public Task<RevokedCounts?> OfUserAsync(string zoneId, string userId, string because, CancellationToken cancellationToken) => EndAsync(
        RevocationKind.User, zoneId, userId, null, because,
        "UPDATE users SET salt = @salt, updated_at = @now WHERE zone_id = @zoneId AND id = @userId",
        "user_id = @userId", (Topics.User, userId), cancellationToken);

    public Task<RevokedCounts?> OfUserAtClientAsync(string zoneId, string userId, string clientId, string because, CancellationToken cancellationToken) => EndAsync(
        RevocationKind.User, zoneId, userId, clientId, because,
        // Changes nothing: it finds out whether both are there and keeps them so until the commit.
        "UPDATE users SET updated_at = updated_at WHERE zone_id = @zoneId AND id = @userId AND EXISTS (SELECT 1 FROM clients WHERE zone_id = @zoneId AND client_id = @clientId)",
        "user_id = @userId AND client_id = @clientId", null, cancellationToken);

    public Task<RevokedCounts?> OfClientAsync(string zoneId, string clientId, string because, CancellationToken cancellationToken) => EndAsync(
        RevocationKind.Client, zoneId, null, clientId, because,
        "UPDATE clients SET token_salt = @salt, updated_at = @now WHERE zone_id = @zoneId AND client_id = @clientId",
        "client_id = @clientId", (Topics.Client, clientId), cancellationToken);

    private Task<RevokedCounts?> EndAsync(
        RevocationKind kind, string zoneId, string? userId, string? clientId, string because, string change, string whose, (string Topic, string Id)? changed,
        CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var now = time.GetUtcNow();
            var parameters = new { zoneId, userId, clientId, because, now = now.Milliseconds(), salt = Entropy.HexId() };
            Task<int> WriteAsync(string sql) => connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken));

            if (await WriteAsync(change) == 0) return null;
            if (userId is not null && clientId is null) await Endings.OfCodesAsync(connection, transaction, zoneId, userId);
            var counts = new RevokedCounts(
                await WriteAsync($"UPDATE refresh_families SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND {whose} AND revoked_at IS NULL"),
                await WriteAsync($"DELETE FROM access_tokens WHERE zone_id = @zoneId AND {whose}"),
                await WriteAsync($"UPDATE api_tokens SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND {whose} AND revoked_at IS NULL"));
            await TellAsync(connection, transaction, changed, new RevocationEvent
            {
                Kind = kind,
                ZoneId = zoneId,
                Subject = userId ?? clientId!,
                ClientId = userId is null ? null : clientId,
                Because = because,
                ExpiresAt = RevocationEvent.EndOfTokens(now),
            });
            return counts;
        }, cancellationToken);

    private async Task TellAsync(DbConnection connection, DbTransaction transaction, (string Topic, string Id)? changed, RevocationEvent revocation)
    {
        if (changed is var (topic, id)) await invalidations.PublishAsync(connection, transaction, topic, id);
        await revocations.AddAsync(connection, transaction, revocation);
    }
}
