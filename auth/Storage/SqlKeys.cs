using System.Data.Common;
using System.Xml.Linq;
using Dapper;
using Microsoft.AspNetCore.DataProtection.Repositories;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlSigningKeys(SqlDatabase database, IRevocations revocations, IInvalidations invalidations) : ISigningKeys
{
    public async Task<IReadOnlyList<StoredKey>> ListAsync(string zoneId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return [.. (await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT alg, generation, kid, state, sealed_private, created_at, activated_at, retired_at
            FROM signing_keys WHERE zone_id = @zoneId ORDER BY alg, generation
            """, new { zoneId }, cancellationToken: cancellationToken))).Select(row => row.ToKey())];
    }

    public Task<bool> TryAddAsync(string zoneId, StoredKey key, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var added = await AddAsync(connection, transaction, zoneId, key);
            if (added) await invalidations.PublishAsync(connection, transaction, Topics.Key, key.Kid);
            return added;
        }, cancellationToken);

    public Task<bool> TryActivateAsync(string zoneId, StoredKey announced, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var values = new { zoneId, announced.Alg, announced.Generation, announced.Kid, now = now.Milliseconds() };
            var changed = await connection.ExecuteAsync(
                "UPDATE signing_keys SET state = 'active', activated_at = @now WHERE zone_id = @zoneId AND kid = @Kid AND state = 'announced'", values, transaction);
            if (changed == 0) return false;
            await connection.ExecuteAsync(
                """
                UPDATE signing_keys SET state = 'retired', retired_at = @now
                WHERE zone_id = @zoneId AND alg = @Alg AND state = 'active' AND generation < @Generation
                """, values, transaction);
            await invalidations.PublishAsync(connection, transaction, Topics.Key, announced.Kid);
            return true;
        }, cancellationToken);

    public Task<bool> TryRemoveAsync(string zoneId, string kid, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var removed = await connection.ExecuteAsync(
                "UPDATE signing_keys SET state = 'removed', sealed_private = '', removed_at = @now WHERE zone_id = @zoneId AND kid = @kid AND state = 'retired'",
                new { zoneId, kid, now = now.Milliseconds() }, transaction) == 1;
            if (removed) await invalidations.PublishAsync(connection, transaction, Topics.Key, kid);
            return removed;
        }, cancellationToken);

    public async Task<IReadOnlyList<string>?> TryReplaceAsync(
        string zoneId, IReadOnlyList<StoredKey> fresh, DateTimeOffset now, DateTimeOffset revocationsEnd, CancellationToken cancellationToken)
    {
        try
        {
            return await database.WriteAsync((connection, transaction) => ReplaceAsync(connection, transaction, zoneId, fresh, now, revocationsEnd), cancellationToken);
        }
        catch (GenerationTakenException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<string>> ReplaceAsync(
        DbConnection connection, DbTransaction transaction, string zoneId, IReadOnlyList<StoredKey> fresh, DateTimeOffset now, DateTimeOffset revocationsEnd)
    {
        var removed = (await connection.QueryAsync<string>(
            "UPDATE signing_keys SET state = 'removed', sealed_private = '', removed_at = @now WHERE zone_id = @zoneId AND state <> 'removed' RETURNING kid",
            new { zoneId, now = now.Milliseconds() }, transaction)).AsList();
        foreach (var key in fresh)
            if (!await AddAsync(connection, transaction, zoneId, key)) throw new GenerationTakenException();
        foreach (var kid in removed)
        {
            var revocation = new RevocationEvent { Kind = RevocationKind.Key, Subject = kid, ExpiresAt = revocationsEnd, Because = "emergency rotation", ZoneId = zoneId };
            await revocations.AddAsync(connection, transaction, revocation);
        }
        await invalidations.PublishAsync(connection, transaction, Topics.Key, fresh[0].Kid);
        return removed;
    }

    // Rolls the transaction back.
    private sealed class GenerationTakenException : Exception;

    private static async Task<bool> AddAsync(DbConnection connection, DbTransaction transaction, string zoneId, StoredKey key) => await connection.ExecuteAsync(
        """
        INSERT INTO signing_keys (zone_id, alg, generation, kid, state, sealed_private, created_at, activated_at)
        VALUES (@zoneId, @Alg, @Generation, @Kid, @State, @SealedPrivate, @CreatedAt, @ActivatedAt) ON CONFLICT DO NOTHING
        """,
        new { zoneId, key.Alg, key.Generation, key.Kid, key.State, key.SealedPrivate, CreatedAt = key.CreatedAt.Milliseconds(), ActivatedAt = key.ActivatedAt?.Milliseconds() },
        transaction) == 1;

    private sealed class Row
    {
        public string Alg { get; set; } = "";
        public long Generation { get; set; }
        public string Kid { get; set; } = "";
        public string State { get; set; } = "";
        public string SealedPrivate { get; set; } = "";
        public long CreatedAt { get; set; }
        public long? ActivatedAt { get; set; }
        public long? RetiredAt { get; set; }

        public StoredKey ToKey() => new(Alg, Generation, Kid, State, SealedPrivate) { CreatedAt = CreatedAt.At(), ActivatedAt = ActivatedAt.At(), RetiredAt = RetiredAt.At() };
    }
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
