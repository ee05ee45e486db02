using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>Revocations of tokens that have expired themselves.</summary>
internal sealed class PrunableRevocations(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Longer than clocks differ.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    public string Rows => "revocations";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync(async (connection, transaction) =>
        {
            var deleted = (await connection.QueryAsync<long>(new CommandDefinition(
                """
                DELETE FROM revocations WHERE sequence IN (SELECT sequence FROM revocations WHERE expires_at <= @ended ORDER BY expires_at LIMIT @batch)
                RETURNING sequence
                """,
                new { ended = (now - Margin).Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken))).AsList();
            if (deleted.Count > 0)
                await connection.ExecuteAsync(new CommandDefinition(
                    "UPDATE revocation_sequence SET pruned = @last WHERE id = 1 AND pruned < @last",
                    new { last = deleted.Max() }, transaction, cancellationToken: cancellationToken));
            return deleted.Count;
        }, cancellationToken) < Batch;
}
