using System.Security.Cryptography;
using System.Text;
using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Token.Trust;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlUsedAssertions(SqlDatabase database) : IUsedAssertions, IPrunable
{
    private const int Batch = 500;

    // An instance whose clock is late must still find what another one noted.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    public string Rows => "used assertions";

    public async Task<bool> TryUseAsync(string zoneId, string issuer, string jti, DateTimeOffset until, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "INSERT INTO used_assertions (zone_id, issuer, jti_hash, expires_at) VALUES (@zoneId, @issuer, @hash, @until) ON CONFLICT (zone_id, issuer, jti_hash) DO NOTHING",
            new { zoneId, issuer, hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(jti))), until = until.Milliseconds() },
            transaction, cancellationToken: cancellationToken)), cancellationToken) == 1;

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            DELETE FROM used_assertions WHERE (zone_id, issuer, jti_hash) IN (
                SELECT zone_id, issuer, jti_hash FROM used_assertions WHERE expires_at <= @ended LIMIT @Batch)
            """, new { ended = (now - Margin).Milliseconds(), Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
}
