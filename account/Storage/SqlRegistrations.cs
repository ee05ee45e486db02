using Dapper;
using SecureMesh.Account.Accounts;
using SecureMesh.Account.Registration;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Storage;

internal sealed class SqlRegistrations(SqlDatabase database, TimeProvider time) : IRegistrations
{
    public async Task<bool> ReserveAsync(AccountName name, string key, AccountContent content, CancellationToken cancellationToken) =>
        // The primary key on the folded name decides between registrations of one name.
        await ExecuteAsync(
            """
            INSERT INTO accounts (name_key, name, state, registration_key, created_at, last_seen, content, demo)
            VALUES (@NameKey, @Name, 'pending', @Key, @Now, @Now, @Content, FALSE) ON CONFLICT (name_key) DO NOTHING
            """,
            new { NameKey = name.Key, Name = name.Text, Key = key, Now = Now(), Content = AccountRow.Write(content) }, cancellationToken) == 1;

    public Task<Accounts.Account?> ActivateAsync(string key, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var row = await connection.QuerySingleOrDefaultAsync<AccountRow>(new CommandDefinition(
                """
                UPDATE accounts SET state = 'active', registration_key = NULL, last_seen = @Now
                WHERE registration_key = @Key AND state = 'pending'
                RETURNING name, last_seen AS LastSeen, content
                """,
                new { Key = key, Now = Now() }, transaction, cancellationToken: cancellationToken));
            return row?.ToAccount();
        }, cancellationToken);

    public async Task<bool> ClaimForUndoAsync(string key, CancellationToken cancellationToken) =>
        await ExecuteAsync("UPDATE accounts SET state = 'undoing' WHERE registration_key = @Key AND state <> 'active'", new { Key = key }, cancellationToken) == 1;

    public Task RemoveAsync(string key, CancellationToken cancellationToken) =>
        ExecuteAsync("DELETE FROM accounts WHERE registration_key = @Key AND state <> 'active'", new { Key = key }, cancellationToken);

    public async Task<IReadOnlyList<UnfinishedRegistration>> UnfinishedAsync(DateTimeOffset begunBefore, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return [.. await connection.QueryAsync<UnfinishedRegistration>(new CommandDefinition(
            "SELECT name, registration_key AS Key FROM accounts WHERE state <> 'active' AND created_at <= @Before ORDER BY created_at LIMIT 100",
            new { Before = begunBefore.ToUnixTimeMilliseconds() }, cancellationToken: cancellationToken))];
    }

    private Task<int> ExecuteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
