using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>Authorization requests, pushed requests and codes that have ended.</summary>
internal sealed class PrunableAuthorizations(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // A spent code that comes back ends what came of it: for as long as any access token of it can be alive.
    private static readonly TimeSpan KeptCodes = TimeSpan.FromDays(1);

    // A person who comes too late with a request that was completed learns that; nobody comes an hour late.
    private static readonly TimeSpan KeptRequests = TimeSpan.FromHours(1);

    public string Rows => "authorization requests and codes";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var transactions = await DeleteAsync("authorization_transactions", "transaction_hash", now - KeptRequests, cancellationToken);
        var pushed = await DeleteAsync("pushed_requests", "request_hash", now - KeptRequests, cancellationToken);
        var codes = await DeleteAsync("authorization_codes", "code_hash", now - KeptCodes, cancellationToken);
        return transactions < Batch && pushed < Batch && codes < Batch;
    }

    private Task<int> DeleteAsync(string table, string key, DateTimeOffset ended, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            $"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE expires_at <= @ended LIMIT @batch)",
            new { ended = ended.Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
