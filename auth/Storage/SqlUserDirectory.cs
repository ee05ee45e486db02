using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Scim;
using SecureMesh.Auth.Scim.Filters;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlUserDirectory(SqlDatabase database, Endings endings, IInvalidations invalidations, TimeProvider time) : IUserDirectory
{
    private const string UniqueViolation = "23505";

    private static readonly Dictionary<string, string> _columns = new(StringComparer.Ordinal)
    {
        ["id"] = "id",
        ["userName"] = "user_name_key",
        ["email"] = "email",
        ["givenName"] = "given_name",
        ["familyName"] = "family_name",
        ["phoneNumber"] = "phone_number",
        ["active"] = "active",
        ["verified"] = "verified",
        ["origin"] = "origin",
        ["external_id"] = "external_id",
        ["created"] = "created_at",
        ["lastModified"] = "updated_at",
        ["version"] = "version",
        ["passwd_lastmodified"] = "password_changed_at",
        ["last_logon_success_time"] = "last_logon_at",
        ["previous_logon_success_time"] = "previous_logon_at",
    };

    public Task<UserEntry?> FindAsync(string zoneId, string userId, CancellationToken cancellationToken) =>
        OneAsync("SELECT * FROM users WHERE id = @userId AND zone_id = @zoneId", new { zoneId, userId }, cancellationToken);

    public Task<UserEntry?> FindByNameAsync(string zoneId, string origin, string userName, CancellationToken cancellationToken) =>
        OneAsync("SELECT * FROM users WHERE zone_id = @zoneId AND origin = @origin AND user_name_key = @key",
            new { zoneId, origin, key = User.Key(userName) }, cancellationToken);

    public async Task<(IReadOnlyList<UserEntry> Page, long Total)> ListAsync(string zoneId, Listing listing, CancellationToken cancellationToken)
    {
        var parameters = new DynamicParameters(new { zoneId, count = listing.Count, skip = listing.StartIndex - 1 });
        var sql = new FilterSql(_columns, parameters);
        // The zone stands last and outside: no filter widens it (V-022).
        var where = $"{(listing.Filter is null ? "1 = 1" : sql.Condition(listing.Filter))} AND zone_id = @zoneId";
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<UserRow>(new CommandDefinition(
            $"SELECT * FROM users WHERE {where} ORDER BY {sql.Order(listing, "id")} LIMIT @count OFFSET @skip", parameters, cancellationToken: cancellationToken));
        var total = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"SELECT COUNT(*) FROM users WHERE {where}", parameters, cancellationToken: cancellationToken));
        return ([.. rows.Select(row => row.ToEntry())], total);
    }

    public Task<bool> TryAddAsync(UserEntry entry, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            UserRow.Insert, UserRow.Of(entry), transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public async Task<Written> TryReplaceAsync(UserEntry entry, long seen, string? endTokensBecause, CancellationToken cancellationToken)
    {
        var parameters = UserRow.Of(entry);
        parameters.Add("seen", seen);
        try
        {
            return await database.WriteAsync(async (connection, transaction) =>
            {
                if (await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                    "SELECT COUNT(*) FROM users WHERE zone_id = @ZoneId AND origin = @Origin AND user_name_key = @Key AND id <> @Id",
                    parameters, transaction, cancellationToken: cancellationToken)) > 0) return Written.NameTaken;
                var replaced = await connection.ExecuteAsync(new CommandDefinition(
UserRow.Replace, parameters, transaction, cancellationToken: cancellationToken));
                if (replaced == 0) return Written.Stale;
                await invalidations.PublishAsync(connection, transaction, Topics.User, entry.User.Id);
                if (endTokensBecause is not null) await endings.OfUserAsync(connection, transaction, entry.User.ZoneId, entry.User.Id, endTokensBecause);
                return Written.Yes;
            }, cancellationToken);
        }
        catch (DbException e) when (e.SqlState == UniqueViolation)
        {
            // Somebody took the name between the question and the write.
            return Written.NameTaken;
        }
    }

    public Task<bool> TrySetPasswordAsync(UserEntry entry, string passwordHash, string salt, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // By the salt, which only a new password changes: the hash may be raised meanwhile.
            var set = await connection.ExecuteAsync(new CommandDefinition(
                """
                UPDATE users SET password_hash = @passwordHash, salt = @salt, password_change_required = @no, password_changed_at = @now, updated_at = @now,
                    version = version + 1
                WHERE id = @Id AND zone_id = @ZoneId AND salt = @Salt
                """,
                new { entry.User.Id, entry.User.ZoneId, entry.User.Salt, passwordHash, salt, no = false, now = time.GetUtcNow().Milliseconds() },
                transaction, cancellationToken: cancellationToken));
            if (set == 0) return false;
            await invalidations.PublishAsync(connection, transaction, Topics.User, entry.User.Id);
            await endings.OfUserAsync(connection, transaction, entry.User.ZoneId, entry.User.Id, "password changed");
            return true;
        }, cancellationToken);

    public Task RequirePasswordChangeAsync(string zoneId, string userId, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE users SET password_change_required = @yes, updated_at = @now, version = version + 1 WHERE id = @userId AND zone_id = @zoneId",
                new { zoneId, userId, yes = true, now = time.GetUtcNow().Milliseconds() }, transaction, cancellationToken: cancellationToken));
            await invalidations.PublishAsync(connection, transaction, Topics.User, userId);
            // Whoever knows the old password may be signed in with it.
            await endings.OfUserAsync(connection, transaction, zoneId, userId, "password change required");
            return 0;
        }, cancellationToken);

    public Task<bool> DeleteAsync(string zoneId, string userId, long? seen, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var deleted = await connection.ExecuteAsync(new CommandDefinition(
                "DELETE FROM users WHERE id = @userId AND zone_id = @zoneId" + (seen is null ? "" : " AND version = @seen"),
                new { zoneId, userId, seen = seen ?? 0 }, transaction, cancellationToken: cancellationToken));
            if (deleted == 0) return false;
            await invalidations.PublishAsync(connection, transaction, Topics.User, userId);
            await connection.ExecuteAsync("DELETE FROM approvals WHERE zone_id = @zoneId AND user_id = @userId", new { zoneId, userId }, transaction);
            await endings.OfUserAsync(connection, transaction, zoneId, userId, "user deleted");
            return true;
        }, cancellationToken);

    public async Task<ILookup<string, UserGroup>> GroupsAsync(string zoneId, IReadOnlyList<string> userIds, CancellationToken cancellationToken)
    {
        if (userIds.Count == 0) return Enumerable.Empty<int>().ToLookup(_ => "", _ => new UserGroup("", ""));
        var parameters = Named(zoneId, userIds);
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<(string UserId, string Id, string Name)>(new CommandDefinition(
            $"""
            SELECT m.user_id, g.id, g.display_name FROM user_group_members m JOIN user_groups g ON g.id = m.group_id
            WHERE m.zone_id = @zoneId AND m.user_id IN ({Names(userIds)})
            """, parameters, cancellationToken: cancellationToken));
        return rows.ToLookup(row => row.UserId, row => new UserGroup(row.Id, row.Name), StringComparer.Ordinal);
    }

    public async Task<IReadOnlyList<UserGroup>> NamedGroupsAsync(string zoneId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        if (names.Count == 0) return [];
        var found = await FindGroupsAsync(zoneId, names, cancellationToken);
        var missing = names.Except(found.Select(group => group.Name), StringComparer.Ordinal).ToArray();
        if (missing.Length == 0) return found;
        await database.WriteAsync(async (connection, transaction) =>
        {
            foreach (var name in missing)
                await connection.ExecuteAsync(
                    "INSERT INTO user_groups (id, zone_id, display_name, created_at) VALUES (@id, @zoneId, @name, @now) ON CONFLICT (zone_id, display_name) DO NOTHING",
                    new { id = User.NewId(), zoneId, name, now = time.GetUtcNow().Milliseconds() }, transaction);
            return 0;
        }, cancellationToken);
        return await FindGroupsAsync(zoneId, names, cancellationToken);
    }

    private async Task<IReadOnlyList<UserGroup>> FindGroupsAsync(string zoneId, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<(string Id, string Name)>(new CommandDefinition(
            $"SELECT id, display_name FROM user_groups WHERE zone_id = @zoneId AND display_name IN ({Names(names)})", Named(zoneId, names), cancellationToken: cancellationToken));
        return [.. rows.Select(row => new UserGroup(row.Id, row.Name))];
    }

    // Spelled out, because Dapper hands a list to PostgreSQL as one array, which SQLite does not know.
    private static string Names(IReadOnlyList<string> values) => string.Join(", ", values.Select((_, i) => $"@v{i}"));

    private static DynamicParameters Named(string zoneId, IReadOnlyList<string> values)
    {
        var parameters = new DynamicParameters(new { zoneId });
        for (var i = 0; i < values.Count; i++) parameters.Add($"v{i}", values[i]);
        return parameters;
    }

    private async Task<UserEntry?> OneAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<UserRow>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        return row?.ToEntry();
    }
}
