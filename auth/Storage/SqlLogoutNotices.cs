using Dapper;
using SecureMesh.Auth.Logout;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlLogoutNotices(SqlDatabase database) : ILogoutNotices
{
    public async Task<IReadOnlyList<LogoutNotice>> DueAsync(DateTimeOffset now, int ofEachClient, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT notice_id, zone_id, client_id, user_id, session_id, tries, due_at FROM (
                SELECT n.*, ROW_NUMBER() OVER (PARTITION BY zone_id, client_id ORDER BY due_at, notice_id) AS place
                FROM logout_notices n WHERE due_at <= @now) AS ranked
            WHERE place <= @ofEachClient ORDER BY due_at LIMIT 500
            """, new { now = now.Milliseconds(), ofEachClient }, cancellationToken: cancellationToken));
        return [.. rows.Select(row => row.ToNotice())];
    }

    public async Task<bool> TryClaimAsync(LogoutNotice notice, DateTimeOffset until, CancellationToken cancellationToken) =>
        await WriteAsync(
            "UPDATE logout_notices SET due_at = @until, tries = tries + 1 WHERE notice_id = @Id AND due_at = @due AND tries = @Tries",
            new { notice.Id, notice.Tries, due = notice.DueAt.Milliseconds(), until = until.Milliseconds() }, cancellationToken) == 1;

    public Task PostponeAsync(string noticeId, DateTimeOffset dueAt, CancellationToken cancellationToken) =>
        WriteAsync("UPDATE logout_notices SET due_at = @due WHERE notice_id = @noticeId", new { noticeId, due = dueAt.Milliseconds() }, cancellationToken);

    public Task RemoveAsync(string noticeId, CancellationToken cancellationToken) =>
        WriteAsync("DELETE FROM logout_notices WHERE notice_id = @noticeId", new { noticeId }, cancellationToken);

    private Task<int> WriteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);

    private sealed class Row
    {
        public string NoticeId { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string UserId { get; init; } = "";
        public string SessionId { get; init; } = "";
        public long Tries { get; init; }
        public long DueAt { get; init; }

        public LogoutNotice ToNotice() => new()
        {
            Id = NoticeId,
            ZoneId = ZoneId,
            ClientId = ClientId,
            UserId = UserId,
            SessionId = SessionId,
            Tries = (int)Tries,
            DueAt = DueAt.At(),
        };
    }
}
