using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlRevocations(SqlDatabase database, TimeProvider time) : IRevocations
{
    public async Task AddAsync(DbConnection connection, DbTransaction transaction, RevocationEvent revocation)
    {
        // The row's lock is held until the commit: who follows the numbers never sees a later one before an earlier one.
        var sequence = await connection.ExecuteScalarAsync<long>("UPDATE revocation_sequence SET last = last + 1 WHERE id = 1 RETURNING last", null, transaction);
        await connection.ExecuteAsync(
            """
            INSERT INTO revocations (sequence, zone_id, kind, subject, client_id, not_before, because, created_at, expires_at)
            VALUES (@sequence, @ZoneId, @Kind, @Subject, @ClientId, @NotBefore, @Because, @Now, @ExpiresAt)
            """,
            new
            {
                sequence,
                revocation.ZoneId,
                Kind = revocation.Kind.ToString().ToLowerInvariant(),
                revocation.Subject,
                revocation.ClientId,
                NotBefore = revocation.NotBefore?.Milliseconds(),
                revocation.Because,
                Now = time.GetUtcNow().Milliseconds(),
                ExpiresAt = revocation.ExpiresAt.Milliseconds(),
            },
            transaction);
    }

    public Task AddAsync(RevocationEvent revocation, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            await AddAsync(connection, transaction, revocation);
            return 0;
        }, cancellationToken);
}
