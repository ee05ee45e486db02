using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlRevocations(SqlDatabase database, RevocationState state, RevocationWake wake, TimeProvider time) : IRevocations, IRevocationRows
{
    /// <summary>More than are made in a second.</summary>
    private const int Recent = 5000;

    public async Task AddAsync(DbConnection connection, DbTransaction transaction, RevocationEvent revocation)
    {
        // The row's lock is held until the commit: who follows the numbers never sees a later one before an earlier one.
        var sequence = await connection.ExecuteScalarAsync<long>("UPDATE revocation_sequence SET last = last + 1 WHERE id = 1 RETURNING last", null, transaction);
        var exact = await ExactAsync(connection, transaction, revocation, sequence);
        await connection.ExecuteAsync(
            """
            INSERT INTO revocations (sequence, zone_id, kind, subject, client_id, not_before, because, created_at, expires_at)
            VALUES (@sequence, @ZoneId, @Kind, @Subject, @ClientId, @NotBefore, @Because, @Now, @ExpiresAt)
            """,
            new
            {
                sequence,
                exact.ZoneId,
                Kind = exact.Kind.ToString().ToLowerInvariant(),
                exact.Subject,
                exact.ClientId,
                NotBefore = exact.NotBefore?.Milliseconds(),
                exact.Because,
                Now = time.GetUtcNow().Milliseconds(),
                ExpiresAt = exact.ExpiresAt.Milliseconds(),
            },
            transaction);
        await Notifications.SendAsync(connection, transaction, Notifications.Revocation);
        // In force here before the caller goes on; the others hear it from the database. Should the commit have failed after
        // all, a token too many is refused.
        database.AfterCommit(transaction, () =>
        {
            state.Apply(exact);
            wake.Wake();
        });
    }

    public Task AddAsync(IReadOnlyList<RevocationEvent> revocations, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            foreach (var revocation in revocations) await AddAsync(connection, transaction, revocation);
            return 0;
        }, cancellationToken);

    public async Task<(long Head, long Pruned)> HeadAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.QuerySingleAsync<(long, long)>(new CommandDefinition(
            "SELECT last, pruned FROM revocation_sequence WHERE id = 1", cancellationToken: cancellationToken));
    }

    public async Task<IReadOnlyList<NumberedRevocation>> ReadAsync(long after, int most, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT sequence, zone_id, kind, subject, client_id, not_before, because, expires_at FROM revocations
            WHERE sequence > @after ORDER BY sequence LIMIT @most
            """, new { after, most }, cancellationToken: cancellationToken));
        return [.. rows.Select(row => row.ToRevocation())];
    }

    // A token has the second it was issued in. One of the second of the revocation may be older, so it ends with it; what is
    // issued after it within the same second is dated ahead to the next one (RevocationState.IssueTime).
    private async Task<RevocationEvent> ExactAsync(DbConnection connection, DbTransaction transaction, RevocationEvent revocation, long sequence)
    {
        if (revocation.Kind is not (RevocationKind.User or RevocationKind.Client or RevocationKind.Zone)) return revocation with { NotBefore = null, ClientId = null };
        var now = (revocation.NotBefore ?? time.GetUtcNow()).ToUnixTimeSeconds();
        // After another revocation of the same second, of whatever level, tokens carry a time that is still to come: those must end
        // with this one, too. None is dated further ahead than the limit.
        var ahead = await connection.ExecuteScalarAsync<long?>(
            "SELECT MAX(not_before) FROM revocations WHERE sequence > @from AND not_before > @soon",
            new { from = sequence - Recent, soon = DateTimeOffset.FromUnixTimeSeconds(now).Milliseconds() }, transaction);
        var latest = Math.Min(ahead / 1000 ?? now, now + RevocationState.MostSecondsAhead);
        return revocation with { NotBefore = DateTimeOffset.FromUnixTimeSeconds(Math.Max(now, latest) + 1) };
    }

    private sealed class Row
    {
        public long Sequence { get; init; }
        public string ZoneId { get; init; } = "";
        public string Kind { get; init; } = "";
        public string Subject { get; init; } = "";
        public string? ClientId { get; init; }
        public long? NotBefore { get; init; }
        public string Because { get; init; } = "";
        public long ExpiresAt { get; init; }

        public NumberedRevocation ToRevocation() => new(Sequence, new RevocationEvent
        {
            ZoneId = ZoneId,
            Kind = Enum.Parse<RevocationKind>(Kind, ignoreCase: true),
            Subject = Subject,
            ClientId = ClientId,
            NotBefore = NotBefore.At(),
            Because = Because,
            ExpiresAt = ExpiresAt.At(),
        });
    }
}
