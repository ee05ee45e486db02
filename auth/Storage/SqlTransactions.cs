using Dapper;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlTransactions(SqlDatabase database) : ITransactionStore
{
    private const string Live = "transaction_hash = @hash AND completed_at IS NULL AND expires_at > @now";

    public Task AddAsync(StoredTransaction transaction, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, dbTransaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO authorization_transactions (transaction_hash, zone_id, client_id, browser_hash, parameters, pushed_hash, created_at, expires_at)
            VALUES (@Hash, @zone, @ClientId, @BrowserHash, @parameters, @PushedHash, @createdAt, @expiresAt)
            """,
            new
            {
                transaction.Hash,
                zone = Zone.Default,
                transaction.ClientId,
                transaction.BrowserHash,
                parameters = StoredParameters.Write(transaction.Parameters),
                transaction.PushedHash,
                createdAt = transaction.CreatedAt.Milliseconds(),
                expiresAt = transaction.ExpiresAt.Milliseconds(),
            },
            dbTransaction, cancellationToken: cancellationToken)), cancellationToken);

    public async Task<StoredTransaction?> FindAsync(string hash, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            $"SELECT * FROM authorization_transactions WHERE {Live}", new { hash, now = now.Milliseconds() }, cancellationToken: cancellationToken));
        return row?.ToTransaction();
    }

    public Task<bool> TryClaimAsync(string hash, string browserHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        UpdateAsync("browser_hash = @browserHash", "browser_hash IS NULL", new { hash, browserHash, now = now.Milliseconds() }, cancellationToken);

    public Task<bool> AuthenticatedAsync(string hash, string browserHash, string sessionId, DateTimeOffset now, CancellationToken cancellationToken) =>
        UpdateAsync("authenticated_session = @sessionId", "browser_hash = @browserHash", new { hash, browserHash, sessionId, now = now.Milliseconds() }, cancellationToken);

    public Task<bool> ConsentedAsync(string hash, string browserHash, string userId, IReadOnlyList<string> scopes, DateTimeOffset now, CancellationToken cancellationToken) =>
        UpdateAsync("consented_user = @userId, consented_scopes = @scopes", "browser_hash = @browserHash",
            new { hash, browserHash, userId, scopes = Words.Join(scopes), now = now.Milliseconds() }, cancellationToken);

    public Task<bool> DeniedAsync(string hash, string browserHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        UpdateAsync("denied_at = @now", "browser_hash = @browserHash", new { hash, browserHash, now = now.Milliseconds() }, cancellationToken);

    private Task<bool> UpdateAsync(string change, string condition, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            $"UPDATE authorization_transactions SET {change} WHERE {Live} AND {condition}", parameters, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    private sealed class Row
    {
        public string TransactionHash { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string? BrowserHash { get; init; }
        public string Parameters { get; init; } = "{}";
        public string? PushedHash { get; init; }
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }
        public string? AuthenticatedSession { get; init; }
        public string? ConsentedUser { get; init; }
        public string? ConsentedScopes { get; init; }
        public long? DeniedAt { get; init; }

        public StoredTransaction ToTransaction() => new()
        {
            Hash = TransactionHash,
            ClientId = ClientId,
            BrowserHash = BrowserHash,
            Parameters = StoredParameters.Read(Parameters),
            PushedHash = PushedHash,
            CreatedAt = CreatedAt.At(),
            ExpiresAt = ExpiresAt.At(),
            AuthenticatedSession = AuthenticatedSession,
            ConsentedUser = ConsentedUser,
            ConsentedScopes = Words.Split(ConsentedScopes),
            Denied = DeniedAt is not null,
        };
    }
}
