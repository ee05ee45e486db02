using System.Text.Json;
using Dapper;
using SecureMesh.Account.Accounts;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Storage;

internal sealed class SqlAccounts(SqlDatabase database, TimeProvider time) : IAccounts
{
    public async Task<Accounts.Account?> FindAsync(AccountName name, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<AccountRow>(new CommandDefinition(
            "SELECT name, last_seen AS LastSeen, content FROM accounts WHERE name_key = @Key AND state = 'active'",
            new { name.Key }, cancellationToken: cancellationToken));
        return row?.ToAccount();
    }

    public Task<bool> SaveAsync(AccountName name, AccountContent content, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            "UPDATE accounts SET content = @Content, last_seen = @Now WHERE name_key = @Key AND state = 'active'",
            new { Content = AccountRow.Write(content), Now = Now(), name.Key }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public Task<bool> AddDemoAsync(AccountContent content, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO accounts (name_key, name, state, created_at, last_seen, content, demo)
            VALUES (@Key, @Text, 'active', @Now, @Now, @Content, TRUE) ON CONFLICT (name_key) DO NOTHING
            """,
            new { AccountName.Demo.Key, AccountName.Demo.Text, Now = Now(), Content = AccountRow.Write(content) }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public async Task<bool> HasDemoAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COUNT(*) FROM accounts WHERE demo", cancellationToken: cancellationToken)) > 0;
    }

    public Task<int> RemoveDemoAsync(CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM accounts WHERE demo", transaction: transaction, cancellationToken: cancellationToken)), cancellationToken);

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}

/// <summary>An account as it is stored.</summary>
internal sealed record AccountRow(string Name, long LastSeen, string Content)
{
    public Accounts.Account ToAccount() => new(
        Name,
        DateTimeOffset.FromUnixTimeMilliseconds(LastSeen),
        JsonSerializer.Deserialize(Content, AccountJson.Wire.AccountContent) ?? throw new JsonException("an account without content"));

    public static string Write(AccountContent content) => JsonSerializer.Serialize(content, AccountJson.Wire.AccountContent);
}
