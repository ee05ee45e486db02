using Dapper;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlSignInFailures(SqlDatabase database) : ISignInFailures
{
    public Task<bool> TryCountAsync(string zoneId, string nameHash, LockoutOptions lockout, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // Counting starts again after a lock has ended and when the first failure is too long ago.
            var counted = await connection.ExecuteScalarAsync<long?>(new CommandDefinition(
                """
                INSERT INTO sign_in_failures AS f (zone_id, name_hash, failures, first_at, last_at) VALUES (@zoneId, @nameHash, 1, @now, @now)
                ON CONFLICT (zone_id, name_hash) DO UPDATE SET
                    failures = CASE WHEN f.failures >= @limit OR f.first_at <= @windowStart THEN 1 ELSE f.failures + 1 END,
                    first_at = CASE WHEN f.failures >= @limit OR f.first_at <= @windowStart THEN excluded.first_at ELSE f.first_at END,
                    last_at = excluded.last_at
                WHERE f.failures < @limit OR f.last_at <= @lockEnded
                RETURNING failures
                """,
                new
                {
                    zoneId,
                    nameHash,
                    now = now.Milliseconds(),
                    limit = lockout.AfterFailures,
                    windowStart = (now - lockout.Within).Milliseconds(),
                    lockEnded = (now - lockout.Period).Milliseconds(),
                },
                transaction, cancellationToken: cancellationToken));
            // A first failure is a good moment to forget those that no longer count: the table stays as large as the attack is young.
            if (counted == 1)
                await connection.ExecuteAsync(new CommandDefinition(
                    "DELETE FROM sign_in_failures WHERE last_at <= @forgotten",
                    new { forgotten = (now - lockout.Within - lockout.Period).Milliseconds() }, transaction, cancellationToken: cancellationToken));
            return counted is not null;
        }, cancellationToken);

    public async Task<bool> IsLockedAsync(string zoneId, string nameHash, LockoutOptions lockout, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT COUNT(*) FROM sign_in_failures WHERE zone_id = @zoneId AND name_hash = @nameHash AND failures >= @limit AND last_at > @lockEnded",
            new { zoneId, nameHash, limit = lockout.AfterFailures, lockEnded = (now - lockout.Period).Milliseconds() }, cancellationToken: cancellationToken)) > 0;
    }

    public Task ClearAsync(string zoneId, string nameHash, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM sign_in_failures WHERE zone_id = @zoneId AND name_hash = @nameHash",
            new { zoneId, nameHash }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
