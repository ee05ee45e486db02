using Dapper;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Seed;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlInstallation(SqlDatabase database, TimeProvider time) : IInstallation
{
    public async Task<string> ClaimModeAsync(string mode, CancellationToken cancellationToken) =>
        await database.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "INSERT INTO installation (zone_id, mode, created_at) VALUES (@zone, @mode, @now) ON CONFLICT (zone_id) DO NOTHING",
                new { zone = Zone.Default, mode, now = time.GetUtcNow().Milliseconds() }, transaction, cancellationToken: cancellationToken));
            return (await connection.ExecuteScalarAsync<string>(new CommandDefinition(
                "SELECT mode FROM installation WHERE zone_id = @zone", new { zone = Zone.Default }, transaction, cancellationToken: cancellationToken)))!;
        }, cancellationToken);

    public async Task<bool> HasDemoIdentitiesAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT (SELECT COUNT(*) FROM clients WHERE demo = @demo) + (SELECT COUNT(*) FROM users WHERE demo = @demo)",
            new { demo = true }, cancellationToken: cancellationToken)) > 0;
    }

    public Task<int> RemoveDemoAsync(CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var demo = new { demo = true };
            await connection.ExecuteAsync(new CommandDefinition(
                """
                DELETE FROM refresh_families WHERE user_id IN (SELECT id FROM users WHERE demo = @demo)
                    OR (zone_id, client_id) IN (SELECT zone_id, client_id FROM clients WHERE demo = @demo)
                """, demo, transaction, cancellationToken: cancellationToken));
            var users = await connection.ExecuteAsync(new CommandDefinition("DELETE FROM users WHERE demo = @demo", demo, transaction, cancellationToken: cancellationToken));
            var clients = await connection.ExecuteAsync(new CommandDefinition("DELETE FROM clients WHERE demo = @demo", demo, transaction, cancellationToken: cancellationToken));
            // With them go the keys that signed their tokens, which otherwise would be good for up to twelve hours more.
            await connection.ExecuteAsync(new CommandDefinition("DELETE FROM signing_keys", null, transaction, cancellationToken: cancellationToken));
            await connection.ExecuteAsync(new CommandDefinition("DELETE FROM installation WHERE mode = 'demo'", null, transaction, cancellationToken: cancellationToken));
            return users + clients;
        }, cancellationToken);
}
