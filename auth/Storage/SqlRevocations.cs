using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlRevocations(SqlDatabase database, RevocationState state, RevocationWake wake, TimeProvider time) : IRevocations, IRevocationRows
{
    public async Task AddAsync(DbConnection connection, DbTransaction transaction, RevocationEvent revocation)
    {
        var exact = Exact(revocation);
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
    // asked for after it within the same second waits until that is over (RevocationState.IssueTimeAsync).
    private RevocationEvent Exact(RevocationEvent revocation) => revocation.Kind is RevocationKind.User or RevocationKind.Client or RevocationKind.Zone
        ? revocation with { NotBefore = DateTimeOffset.FromUnixTimeSeconds((revocation.NotBefore ?? time.GetUtcNow()).ToUnixTimeSeconds() + 1) }
        : revocation with { NotBefore = null, ClientId = null };

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
