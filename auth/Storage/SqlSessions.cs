using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlSessions(SqlDatabase database, IRevocations revocations) : ISessionStore
{
    private const string Columns = "session_id, zone_id, user_id, user_salt, auth_time, amr, address, user_agent, created_at, seen_at, expires_at";

    public Task AddAsync(Session session, string secretHash, CancellationToken cancellationToken) =>
        WriteAsync(
            """
            INSERT INTO sessions (session_id, zone_id, user_id, secret_hash, user_salt, auth_time, amr, address, user_agent, created_at, seen_at, expires_at)
            VALUES (@Id, @ZoneId, @UserId, @secretHash, @UserSalt, @AuthTime, @Amr, @Address, @UserAgent, @CreatedAt, @SeenAt, @ExpiresAt)
            """, Parameters(session, secretHash), cancellationToken);

    public async Task<Session?> FindAsync(string secretHash, DateTimeOffset now, DateTimeOffset idleSince, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            $"SELECT {Columns} FROM sessions WHERE secret_hash = @secretHash AND ended_at IS NULL AND expires_at > @now AND seen_at > @idle",
            new { secretHash, now = now.Milliseconds(), idle = idleSince.Milliseconds() }, cancellationToken: cancellationToken));
        return row?.ToSession();
    }

    public async Task<bool> IsLiveAsync(string sessionId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            // With the salt all that the user had is over, also where nobody has come back to the session since.
            """
            SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id AND u.zone_id = s.zone_id AND u.salt = s.user_salt
            WHERE s.session_id = @sessionId AND s.ended_at IS NULL AND s.expires_at > @now
            """,
            new { sessionId, now = now.Milliseconds() }, cancellationToken: cancellationToken)) == 1;
    }

    public Task SeenAsync(string sessionId, DateTimeOffset now, CancellationToken cancellationToken) =>
        WriteAsync("UPDATE sessions SET seen_at = @now WHERE session_id = @sessionId AND ended_at IS NULL", new { sessionId, now = now.Milliseconds() }, cancellationToken);

    public async Task<bool> RenewAsync(Session session, string oldSecretHash, string newSecretHash, CancellationToken cancellationToken)
    {
        var parameters = Parameters(session, newSecretHash);
        parameters.Add("oldSecretHash", oldSecretHash);
        return await WriteAsync(
            """
            UPDATE sessions SET secret_hash = @secretHash, user_salt = @UserSalt, auth_time = @AuthTime, amr = @Amr, address = @Address,
                user_agent = @UserAgent, seen_at = @SeenAt, expires_at = @ExpiresAt
            WHERE session_id = @Id AND user_id = @UserId AND secret_hash = @oldSecretHash AND ended_at IS NULL
            """, parameters, cancellationToken) == 1;
    }

    public Task ReachedAsync(string sessionId, string clientId, DateTimeOffset now, CancellationToken cancellationToken) =>
        WriteAsync(
            """
            INSERT INTO session_clients (session_id, client_id, created_at)
            SELECT session_id, @clientId, @now FROM sessions WHERE session_id = @sessionId AND ended_at IS NULL
            ON CONFLICT (session_id, client_id) DO NOTHING
            """, new { sessionId, clientId, now = now.Milliseconds() }, cancellationToken);

    public Task<bool> EndAsync(string sessionId, string because, DateTimeOffset now, DateTimeOffset lastTokenEnds, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var ended = await connection.QuerySingleOrDefaultAsync<Ended>(new CommandDefinition(
                """
                UPDATE sessions SET ended_at = @now, ended_because = @because WHERE session_id = @sessionId AND ended_at IS NULL
                RETURNING zone_id, user_id
                """, new { sessionId, because, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (ended is null) return false;
            await EndFamiliesAsync(connection, transaction, sessionId, because, now);
            await revocations.AddAsync(connection, transaction, new RevocationEvent
            {
                Kind = RevocationKind.Session,
                Subject = sessionId,
                ZoneId = ended.ZoneId,
                ExpiresAt = lastTokenEnds,
                Because = because,
            });
            await NoticeAsync(connection, transaction, sessionId, ended, now);
            return true;
        }, cancellationToken);

    public async Task<IReadOnlyList<Session>> ListAsync(string zoneId, string userId, DateTimeOffset now, DateTimeOffset idleSince, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"""
            SELECT {Columns} FROM sessions
            WHERE zone_id = @zoneId AND user_id = @userId AND ended_at IS NULL AND expires_at > @now AND seen_at > @idle ORDER BY seen_at DESC, session_id
            """, new { zoneId, userId, now = now.Milliseconds(), idle = idleSince.Milliseconds() }, cancellationToken: cancellationToken));
        return [.. rows.Select(row => row.ToSession())];
    }

    // What the user agreed to for while he is away is parted from the session: its further access tokens carry no sid.
    private static async Task EndFamiliesAsync(DbConnection connection, DbTransaction transaction, string sessionId, string because, DateTimeOffset now)
    {
        var families = await connection.QueryAsync<(string Id, string Details)>(
            "SELECT family_id, details FROM refresh_families WHERE session_id = @sessionId AND revoked_at IS NULL", new { sessionId }, transaction);
        foreach (var (id, details) in families.AsList())
            await connection.ExecuteAsync(
                SignInDetails.Parse(details).Offline
                    ? "UPDATE refresh_families SET session_id = NULL WHERE family_id = @id"
                    : "UPDATE refresh_families SET revoked_at = @now, revoked_because = @because WHERE family_id = @id AND revoked_at IS NULL",
                new { id, because, now = now.Milliseconds() }, transaction);
    }

    private static async Task NoticeAsync(DbConnection connection, DbTransaction transaction, string sessionId, Ended ended, DateTimeOffset now)
    {
        var clients = await connection.QueryAsync<(string Id, string Metadata)>(
            """
            SELECT c.client_id, c.metadata FROM session_clients s JOIN clients c ON c.client_id = s.client_id AND c.zone_id = @ZoneId
            WHERE s.session_id = @sessionId
            """, new { sessionId, ended.ZoneId }, transaction);
        foreach (var (id, metadata) in clients.AsList())
            if (ClientMetadata.Parse(metadata).BackchannelLogoutUri is not null)
                await connection.ExecuteAsync(
                    """
                    INSERT INTO logout_notices (notice_id, zone_id, client_id, user_id, session_id, tries, due_at, created_at)
                    VALUES (@notice, @ZoneId, @id, @UserId, @sessionId, 0, @now, @now)
                    """, new { notice = Entropy.HexId(), ended.ZoneId, id, ended.UserId, sessionId, now = now.Milliseconds() }, transaction);
    }

    private static DynamicParameters Parameters(Session session, string secretHash) => new(new
    {
        session.Id,
        session.ZoneId,
        session.UserId,
        session.UserSalt,
        session.Address,
        session.UserAgent,
        secretHash,
        AuthTime = session.AuthTime.Milliseconds(),
        Amr = Words.Join(session.Amr),
        CreatedAt = session.CreatedAt.Milliseconds(),
        SeenAt = session.SeenAt.Milliseconds(),
        ExpiresAt = session.ExpiresAt.Milliseconds(),
    });

    private Task<int> WriteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);

    private sealed class Ended
    {
        public string ZoneId { get; init; } = "";
        public string UserId { get; init; } = "";
    }

    private sealed class Row
    {
        public string SessionId { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string UserId { get; init; } = "";
        public string UserSalt { get; init; } = "";
        public long AuthTime { get; init; }
        public string Amr { get; init; } = "";
        public string? Address { get; init; }
        public string? UserAgent { get; init; }
        public long CreatedAt { get; init; }
        public long SeenAt { get; init; }
        public long ExpiresAt { get; init; }

        public Session ToSession() => new()
        {
            Id = SessionId,
            ZoneId = ZoneId,
            UserId = UserId,
            UserSalt = UserSalt,
            AuthTime = AuthTime.At(),
            Amr = Words.Split(Amr),
            Address = Address,
            UserAgent = UserAgent,
            CreatedAt = CreatedAt.At(),
            SeenAt = SeenAt.At(),
            ExpiresAt = ExpiresAt.At(),
        };
    }
}
