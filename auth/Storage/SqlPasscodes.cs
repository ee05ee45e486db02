using Dapper;
using SecureMesh.Auth.Login;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlPasscodes(SqlDatabase database) : IPasscodeStore
{
    public Task ReplaceAsync(string codeHash, Passcode passcode, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO passcodes (zone_id, user_id, code_hash, auth_time, amr, expires_at) VALUES (@ZoneId, @UserId, @codeHash, @AuthTime, @Amr, @Expires)
            ON CONFLICT (zone_id, user_id) DO UPDATE
            SET code_hash = excluded.code_hash, auth_time = excluded.auth_time, amr = excluded.amr, expires_at = excluded.expires_at
            """,
            new { passcode.ZoneId, passcode.UserId, codeHash, AuthTime = passcode.AuthTime.Milliseconds(), Amr = Words.Join(passcode.Amr), Expires = expiresAt.Milliseconds() },
            transaction, cancellationToken: cancellationToken)), cancellationToken);

    public Task<Passcode?> TakeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
                "DELETE FROM passcodes WHERE code_hash = @codeHash AND expires_at > @now RETURNING zone_id, user_id, auth_time, amr",
                new { codeHash, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            return row is null ? null : new Passcode(row.ZoneId, row.UserId, row.AuthTime.At(), Words.Split(row.Amr));
        }, cancellationToken);

    private sealed class Row
    {
        public string ZoneId { get; init; } = "";
        public string UserId { get; init; } = "";
        public long AuthTime { get; init; }
        public string Amr { get; init; } = "";
    }
}
