using Dapper;
using SecureMesh.Auth.Passports;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlPassportKeys(SqlDatabase database, IRevocations revocations) : IPassportKeys
{
    // A service that does not reach this one goes on with the keys it has for a day; and clocks differ.
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(25);

    public Task<Announcement> AnnounceAsync(
        string zoneId, string clientId, PassportKey key, DateTimeOffset now, DateTimeOffset until, int most, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var values = new { zoneId, clientId, key.Kid, key.X, key.Y, most, now = now.Milliseconds(), until = until.Milliseconds() };
            var renewals = await connection.QuerySingleOrDefaultAsync<long?>(new CommandDefinition(
                """
                INSERT INTO passport_keys (kid, zone_id, client_id, x, y, renewals, announced_at, expires_at)
                SELECT @Kid, @zoneId, @clientId, @X, @Y, 0, @now, @until
                WHERE (SELECT COUNT(*) FROM passport_keys WHERE zone_id = @zoneId AND client_id = @clientId AND kid <> @Kid AND revoked_at IS NULL AND expires_at > @now) < @most
                ON CONFLICT (kid) DO UPDATE SET renewals = passport_keys.renewals + 1, expires_at = excluded.expires_at
                WHERE passport_keys.zone_id = @zoneId AND passport_keys.client_id = @clientId AND passport_keys.revoked_at IS NULL
                RETURNING renewals
                """, values, transaction, cancellationToken: cancellationToken));
            if (renewals is { } count) return count == 0 ? Announcement.Announced : Announcement.Renewed;
            var known = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
                "SELECT zone_id, client_id, revoked_at FROM passport_keys WHERE kid = @Kid", values, transaction, cancellationToken: cancellationToken));
            return known is null ? Announcement.TooMany
                : known.RevokedAt is not null ? Announcement.Revoked
                : known.ZoneId == zoneId && known.ClientId == clientId ? Announcement.TooMany
                : Announcement.OfAnother;
        }, cancellationToken);

    public Task<bool> WithdrawAsync(string zoneId, string clientId, string kid, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM passport_keys WHERE kid = @kid AND zone_id = @zoneId AND client_id = @clientId AND revoked_at IS NULL",
            new { zoneId, clientId, kid }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public Task<string?> RevokeAsync(string zoneId, string kid, DateTimeOffset now, string because, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var until = now + Remembered;
            var client = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition(
                "UPDATE passport_keys SET revoked_at = @now, expires_at = @until WHERE kid = @kid AND zone_id = @zoneId AND revoked_at IS NULL RETURNING client_id",
                new { zoneId, kid, now = now.Milliseconds(), until = until.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (client is null) return null;
            await revocations.AddAsync(connection, transaction, new RevocationEvent { ZoneId = zoneId, Kind = RevocationKind.Key, Subject = kid, ExpiresAt = until, Because = because });
            return client;
        }, cancellationToken);

    public async Task<IReadOnlyList<PassportKey>> ListAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var keys = await connection.QueryAsync<(string Kid, string X, string Y)>(new CommandDefinition(
            """
            SELECT k.kid, k.x, k.y FROM passport_keys k JOIN clients c ON c.zone_id = k.zone_id AND c.client_id = k.client_id
            WHERE k.expires_at > @now AND k.revoked_at IS NULL AND c.enabled = TRUE ORDER BY k.announced_at, k.kid
            """, new { now = now.Milliseconds() }, cancellationToken: cancellationToken));
        return [.. keys.Select(key => new PassportKey(key.Kid, key.X, key.Y))];
    }

    private sealed class Row
    {
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public long? RevokedAt { get; init; }
    }
}

/// <summary>Passport keys whose lease is over, and revoked ones that nobody takes any more.</summary>
internal sealed class PrunablePassportKeys(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Also where clocks differ, no key is deleted that another instance still lists.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    public string Rows => "passport keys";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM passport_keys WHERE kid IN (SELECT kid FROM passport_keys WHERE expires_at <= @ended LIMIT @batch)",
            new { ended = (now - Margin).Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
}
