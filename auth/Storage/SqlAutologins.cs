using Dapper;
using SecureMesh.Auth.Login;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlAutologins(SqlDatabase database) : IAutologins
{
    public Task AddAsync(string codeHash, string zoneId, string clientId, string userId, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "INSERT INTO autologins (code_hash, zone_id, client_id, user_id, expires_at) VALUES (@codeHash, @zoneId, @clientId, @userId, @expires)",
            new { codeHash, zoneId, clientId, userId, expires = expiresAt.Milliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);

    public async Task<string?> FindAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
            "SELECT user_id FROM autologins WHERE code_hash = @codeHash AND expires_at > @now",
            new { codeHash, now = now.Milliseconds() }, cancellationToken: cancellationToken));
    }

    public Task<string?> TakeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteScalarAsync<string?>(new CommandDefinition(
            "DELETE FROM autologins WHERE code_hash = @codeHash AND expires_at > @now RETURNING user_id",
            new { codeHash, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
