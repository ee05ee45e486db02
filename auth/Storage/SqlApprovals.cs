using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlApprovals(SqlDatabase database, IRevocations revocations) : IApprovalStore
{
    private const string Select = "SELECT user_id, client_id, scope, status, expires_at, updated_at FROM approvals WHERE zone_id = @zoneId AND user_id = @userId AND expires_at > @now";

    public async Task<IReadOnlyList<Approval>> ListAsync(string zoneId, string userId, string? clientId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await ListAsync(connection, null, zoneId, userId, clientId, now);
    }

    public Task DecideAsync(User user, IReadOnlyList<Approval> decisions, Withdrawal withdrawal, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            foreach (var decision in decisions) await StoreAsync(connection, transaction, user, decision);
            foreach (var client in decisions.Where(decision => !decision.Approved).GroupBy(decision => decision.ClientId, StringComparer.Ordinal))
                await EndAsync(connection, transaction, user, client.Key, [.. client.Select(decision => decision.Scope)], withdrawal);
            return 0;
        }, cancellationToken);

    public Task ReplaceAsync(User user, string? clientId, IReadOnlyList<Approval> decisions, Withdrawal withdrawal, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var before = await ListAsync(connection, transaction, user.ZoneId, user.Id, clientId, withdrawal.Now);
            await connection.ExecuteAsync(
                "DELETE FROM approvals WHERE zone_id = @ZoneId AND user_id = @Id" + (clientId is null ? "" : " AND client_id = @clientId"),
                new { user.ZoneId, user.Id, clientId }, transaction);
            foreach (var decision in decisions) await StoreAsync(connection, transaction, user, decision);
            var approved = decisions.Where(decision => decision.Approved).Select(decision => (decision.ClientId, decision.Scope)).ToHashSet();
            var ended = before.Where(decision => decision.Approved).Concat(decisions.Where(decision => !decision.Approved))
                .Where(decision => !approved.Contains((decision.ClientId, decision.Scope)));
            foreach (var client in ended.GroupBy(decision => decision.ClientId, StringComparer.Ordinal))
                await EndAsync(
                    connection, transaction, user, client.Key,
                    approved.Any(left => left.ClientId == client.Key) ? [.. client.Select(decision => decision.Scope)] : null, withdrawal);
            return 0;
        }, cancellationToken);

    public Task WithdrawAsync(User user, string clientId, Withdrawal withdrawal, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync(
                "DELETE FROM approvals WHERE zone_id = @ZoneId AND user_id = @Id AND client_id = @clientId", new { user.ZoneId, user.Id, clientId }, transaction);
            await EndAsync(connection, transaction, user, clientId, null, withdrawal);
            return 0;
        }, cancellationToken);

    private static async Task<IReadOnlyList<Approval>> ListAsync(
        DbConnection connection, DbTransaction? transaction, string zoneId, string userId, string? clientId, DateTimeOffset now)
    {
        var sql = Select + (clientId is null ? "" : " AND client_id = @clientId") + " ORDER BY client_id, scope";
        var rows = await connection.QueryAsync<Row>(sql, new { zoneId, userId, clientId, now = now.Milliseconds() }, transaction);
        return [.. rows.Select(row => row.ToApproval())];
    }

    private static Task<int> StoreAsync(DbConnection connection, DbTransaction transaction, User user, Approval decision) =>
        connection.ExecuteAsync(
            """
            INSERT INTO approvals (zone_id, user_id, client_id, scope, status, expires_at, updated_at)
            VALUES (@ZoneId, @Id, @ClientId, @Scope, @Status, @ExpiresAt, @UpdatedAt)
            ON CONFLICT (zone_id, user_id, client_id, scope) DO UPDATE
            SET status = excluded.status, expires_at = excluded.expires_at, updated_at = excluded.updated_at
            """,
            new
            {
                user.ZoneId,
                user.Id,
                decision.ClientId,
                decision.Scope,
                Status = decision.Approved ? "APPROVED" : "DENIED",
                ExpiresAt = decision.ExpiresAt.Milliseconds(),
                UpdatedAt = decision.UpdatedAt.Milliseconds(),
            }, transaction);

    // Null: every scope, and so all that the client holds of the user.
    private async Task EndAsync(
        DbConnection connection, DbTransaction transaction, User user, string clientId, string[]? scopes, Withdrawal withdrawal)
    {
        var ended = new List<RevocationEvent>();
        RevocationEvent End(RevocationKind kind, string subject) => new()
        {
            Kind = kind,
            Subject = subject,
            ZoneId = user.ZoneId,
            ExpiresAt = withdrawal.LastTokenEnds,
            Because = withdrawal.Because,
        };
        async Task<IReadOnlyList<string>> HoldersAsync(string id, string held, string table, string condition = "")
        {
            var rows = await connection.QueryAsync<(string Id, string? Scopes)>(
                $"SELECT {id}, {held} FROM {table} WHERE zone_id = @ZoneId AND user_id = @Id AND client_id = @clientId{condition}",
                new { user.ZoneId, user.Id, clientId }, transaction);
            return [.. rows.Where(row => scopes is null || Words.Split(row.Scopes).Intersect(scopes, StringComparer.Ordinal).Any()).Select(row => row.Id)];
        }
        Task<int> WriteAsync(string sql, string id) =>
            connection.ExecuteAsync(sql, new { id, now = withdrawal.Now.Milliseconds(), withdrawal.Because }, transaction);

        foreach (var id in await HoldersAsync("family_id", "scopes", "refresh_families", " AND revoked_at IS NULL"))
        {
            await WriteAsync("UPDATE refresh_families SET revoked_at = @now, revoked_because = @Because WHERE family_id = @id AND revoked_at IS NULL", id);
            ended.Add(End(RevocationKind.Grant, id));
        }
        foreach (var id in await HoldersAsync("id", "scopes", "api_tokens", " AND revoked_at IS NULL"))
        {
            await WriteAsync("UPDATE api_tokens SET revoked_at = @now, revoked_because = @Because WHERE id = @id AND revoked_at IS NULL", id);
            ended.Add(End(RevocationKind.Token, id));
        }
        // Codes that nobody has redeemed yet, and the tokens that came of those of a client without refresh tokens.
        foreach (var id in await HoldersAsync("grant_id", "scopes", "authorization_codes"))
        {
            await WriteAsync("DELETE FROM authorization_codes WHERE grant_id = @id AND consumed_at IS NULL", id);
            if (ended.TrueForAll(known => known.Subject != id)) ended.Add(End(RevocationKind.Grant, id));
        }
        foreach (var id in await HoldersAsync("id", "granted", "device_authorizations", " AND state = 'approved'"))
            await WriteAsync("DELETE FROM device_authorizations WHERE id = @id", id);
        if (scopes is null)
        {
            // Access tokens that no authorization names.
            await connection.ExecuteAsync(
                "DELETE FROM access_tokens WHERE zone_id = @ZoneId AND user_id = @Id AND client_id = @clientId", new { user.ZoneId, user.Id, clientId }, transaction);
            ended.Add(End(RevocationKind.User, user.Id) with { ClientId = clientId, ExpiresAt = RevocationEvent.EndOfTokens(withdrawal.Now) });
        }
        // Last: the lock on the sequence is held until the commit.
        foreach (var revocation in ended) await revocations.AddAsync(connection, transaction, revocation);
    }

    private sealed class Row
    {
        public string UserId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string Scope { get; init; } = "";
        public string Status { get; init; } = "";
        public long ExpiresAt { get; init; }
        public long UpdatedAt { get; init; }

        public Approval ToApproval() => new()
        {
            UserId = UserId,
            ClientId = ClientId,
            Scope = Scope,
            Approved = Status == "APPROVED",
            ExpiresAt = ExpiresAt.At(),
            UpdatedAt = UpdatedAt.At(),
        };
    }
}
