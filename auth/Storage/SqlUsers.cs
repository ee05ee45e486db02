using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Scim;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlUsers(SqlDatabase database, IRevocations revocations, IInvalidations invalidations, TimeProvider time) : IUsers
{
    public Task<User?> FindByNameAsync(string zoneId, string userName, CancellationToken cancellationToken) =>
        OneAsync("SELECT * FROM users WHERE zone_id = @zoneId AND origin = 'uaa' AND user_name_key = @key", new { zoneId, key = User.Key(userName) }, cancellationToken);

    public Task<User?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken) =>
        OneAsync("SELECT * FROM users WHERE id = @userId AND zone_id = @zoneId", new { zoneId, userId }, cancellationToken);

    public async Task<IReadOnlyList<string>> GroupsAsync(string zoneId, string userId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await connection.QueryAsync<string>(new CommandDefinition(
            """
            SELECT g.display_name FROM user_group_members m JOIN user_groups g ON g.id = m.group_id
            WHERE m.user_id = @userId AND m.zone_id = @zoneId ORDER BY g.display_name
            """, new { zoneId, userId }, cancellationToken: cancellationToken))).AsList();
    }

    public Task<bool> TryAddAsync(User user, IReadOnlyList<string> groups, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var entry = new UserEntry { User = user, UpdatedAt = user.CreatedAt, PasswordChangedAt = user.CreatedAt };
            var added = await connection.ExecuteAsync(new CommandDefinition(UserRow.Insert, UserRow.Of(entry), transaction, cancellationToken: cancellationToken));
            if (added == 0) return false;
            foreach (var group in groups) await JoinAsync(connection, transaction, user, group);
            return true;
        }, cancellationToken);

    public Task SignedInAsync(User user, DateTimeOffset at, CancellationToken cancellationToken) => WriteAsync(
        "UPDATE users SET previous_logon_at = last_logon_at, last_logon_at = @at WHERE id = @Id", new { user.Id, at = at.Milliseconds() }, cancellationToken);

    public Task RehashAsync(User user, string hash, CancellationToken cancellationToken) => WriteAsync(
        "UPDATE users SET password_hash = @hash WHERE id = @Id AND password_hash = @PasswordHash", new { user.Id, user.PasswordHash, hash }, cancellationToken);

    public Task<string?> UndoRegistrationAsync(string zoneId, string userName, string clientId, string keyHash, DateTimeOffset since, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var id = await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
                """
                DELETE FROM users WHERE zone_id = @zoneId AND origin = 'uaa' AND user_name_key = @key
                    AND registration_client = @clientId AND registration_key_hash = @keyHash AND created_at > @since
                RETURNING id
                """,
                new { zoneId, key = User.Key(userName), clientId, keyHash, since = since.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (id is null) return null;
            await connection.ExecuteAsync(new CommandDefinition(
                "DELETE FROM refresh_families WHERE zone_id = @zoneId AND user_id = @id", new { zoneId, id }, transaction, cancellationToken: cancellationToken));
            await invalidations.PublishAsync(connection, transaction, Topics.User, id);
            await revocations.AddAsync(connection, transaction, new RevocationEvent
            {
                ZoneId = zoneId,
                Kind = RevocationKind.User,
                Subject = id,
                Because = "the registration was undone",
                ExpiresAt = RevocationEvent.EndOfTokens(time.GetUtcNow()),
            });
            return id;
        }, cancellationToken);

    private static async Task JoinAsync(DbConnection connection, DbTransaction transaction, User user, string group)
    {
        var at = user.CreatedAt.Milliseconds();
        await connection.ExecuteAsync(
            "INSERT INTO user_groups (id, zone_id, display_name, created_at) VALUES (@Id, @ZoneId, @group, @at) ON CONFLICT (zone_id, display_name) DO NOTHING",
            new { Id = User.NewId(), user.ZoneId, group, at }, transaction);
        await connection.ExecuteAsync(
            """
            INSERT INTO user_group_members (group_id, zone_id, user_id, created_at)
            SELECT id, zone_id, @Id, @at FROM user_groups WHERE zone_id = @ZoneId AND display_name = @group
            """, new { user.Id, user.ZoneId, group, at }, transaction);
    }

    private async Task<User?> OneAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<UserRow>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        return row?.ToUser();
    }

    private Task<int> WriteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
