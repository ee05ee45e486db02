using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Dpop;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>The one-time values of clients that prove a key: assertions and DPoP proofs, a table for each (T-02).</summary>
internal sealed class SqlProofs(SqlDatabase database) : IClientAssertions, IDpopReplays
{
    public Task<bool> TryUseAsync(string zoneId, string clientId, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        TryAddAsync(
            "INSERT INTO client_assertions (zone_id, client_id, jti_hash, expires_at) VALUES (@zoneId, @owner, @jtiHash, @expiresAt) ON CONFLICT DO NOTHING",
            zoneId, clientId, jtiHash, expiresAt, cancellationToken);

    public Task<bool> TryShowAsync(string zoneId, string jkt, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        TryAddAsync(
            "INSERT INTO dpop_proofs (zone_id, jkt, jti_hash, expires_at) VALUES (@zoneId, @owner, @jtiHash, @expiresAt) ON CONFLICT DO NOTHING",
            zoneId, jkt, jtiHash, expiresAt, cancellationToken);

    private Task<bool> TryAddAsync(string sql, string zoneId, string owner, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            sql, new { zoneId, owner, jtiHash, expiresAt = expiresAt.Milliseconds() }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);
}

/// <summary>Assertions and proofs that are too old to be shown again.</summary>
internal sealed class PrunableProofs(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Also where clocks differ, nobody can show again what was deleted.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    public string Rows => "client assertions and DPoP proofs";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var assertions = await DeleteAsync(
            """
            DELETE FROM client_assertions WHERE (zone_id, client_id, jti_hash) IN (
                SELECT zone_id, client_id, jti_hash FROM client_assertions WHERE expires_at <= @ended LIMIT @batch)
            """, now, cancellationToken);
        var proofs = await DeleteAsync(
            "DELETE FROM dpop_proofs WHERE (zone_id, jkt, jti_hash) IN (SELECT zone_id, jkt, jti_hash FROM dpop_proofs WHERE expires_at <= @ended LIMIT @batch)",
            now, cancellationToken);
        return assertions < Batch && proofs < Batch;
    }

    private Task<int> DeleteAsync(string sql, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            sql, new { ended = (now - Margin).Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
