using System.Xml.Linq;
using Dapper;
using Microsoft.AspNetCore.DataProtection.Repositories;
using SecureMesh.Auth.Keys;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlSigningKeys(SqlDatabase database) : ISigningKeys
{
    public async Task<IReadOnlyList<StoredKey>> ListAsync(string zoneId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await connection.QueryAsync<StoredKey>(new CommandDefinition(
            "SELECT alg, generation, kid, state, sealed_private FROM signing_keys WHERE zone_id = @zoneId ORDER BY generation",
            new { zoneId }, cancellationToken: cancellationToken))).AsList();
    }

    public Task TryAddAsync(string zoneId, StoredKey key, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO signing_keys (zone_id, alg, generation, kid, state, sealed_private, created_at, activated_at)
            VALUES (@zoneId, @Alg, @Generation, @Kid, @State, @SealedPrivate, @now, @now) ON CONFLICT DO NOTHING
            """,
            new { zoneId, key.Alg, key.Generation, key.Kid, key.State, key.SealedPrivate, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}

internal sealed class SqlSealingChecks(SqlDatabase database, TimeProvider time) : ISealingChecks
{
    private const string Find = "SELECT check_value FROM sealing WHERE id = 1";

    public async Task<string?> FindAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<string?>(new CommandDefinition(Find, cancellationToken: cancellationToken));
    }

    public async Task<string> ClaimAsync(string checkValue, CancellationToken cancellationToken)
    {
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "INSERT INTO sealing (id, check_value, created_at) VALUES (1, @checkValue, @now) ON CONFLICT (id) DO NOTHING",
            new { checkValue, now = time.GetUtcNow().Milliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);
        return (await FindAsync(cancellationToken))!;
    }
}

/// <summary>Data protection's key ring as rows; what it stores is encrypted before it comes here.</summary>
internal sealed class SqlKeyRingRepository(SqlDatabase database, TimeProvider time) : IXmlRepository
{
    // The framework's interface is synchronous; it is used at the start and then once a day.
    public IReadOnlyCollection<XElement> GetAllElements() => Task.Run(async () =>
    {
        await using var connection = await database.OpenAsync();
        return (await connection.QueryAsync<string>("SELECT xml FROM data_protection_keys ORDER BY created_at")).Select(xml => XElement.Parse(xml)).ToArray();
    }).GetAwaiter().GetResult();

    public void StoreElement(XElement element, string friendlyName) => Task.Run(() => database.WriteAsync((connection, transaction) => connection.ExecuteAsync(
        "INSERT INTO data_protection_keys (friendly_name, xml, created_at) VALUES (@friendlyName, @xml, @now)",
        new { friendlyName, xml = element.ToString(SaveOptions.DisableFormatting), now = time.GetUtcNow().Milliseconds() }, transaction))).GetAwaiter().GetResult();
}
