using System.Globalization;
using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>Families of refresh tokens that have ended or were revoked, with their tokens.</summary>
internal sealed class PrunableFamilies(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Nobody exchanges a token that ended this long ago, also where clocks differ: an exchange and a deletion never meet.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    // Long enough to find out from the database why somebody was signed out.
    private static readonly TimeSpan KeptRevoked = TimeSpan.FromDays(1);

    public string Rows => "refresh token families";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var families = await EndedAsync(now, cancellationToken);
        if (families.Length == 0) return true;
        // A family may have thousands of used tokens: they go first, a batch at a time. The live one stays until its family
        // goes, because it is by its end that an unused family is found again after an interruption.
        while (await DeleteAsync(
            """
            DELETE FROM refresh_tokens WHERE token_hash IN (
                SELECT token_hash FROM refresh_tokens WHERE family_id IN ({0}) AND consumed_at IS NOT NULL LIMIT @batch)
            """, families, cancellationToken) == Batch) { }
        await DeleteAsync("DELETE FROM refresh_families WHERE family_id IN ({0})", families, cancellationToken);
        return families.Length < Batch;
    }

    private async Task<string[]> EndedAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var families = await connection.QueryAsync<string>(new CommandDefinition(
            """
            SELECT family_id FROM refresh_families WHERE expires_at <= @ended
            UNION SELECT family_id FROM refresh_families WHERE revoked_at <= @revoked
            UNION SELECT family_id FROM refresh_tokens WHERE consumed_at IS NULL AND expires_at <= @ended
            LIMIT @batch
            """,
            new { ended = (now - Margin).Milliseconds(), revoked = (now - KeptRevoked).Milliseconds(), batch = Batch }, cancellationToken: cancellationToken));
        return families.ToArray();
    }

    // The names of the parameters are spelled out, because Dapper hands a list to PostgreSQL as one array, which SQLite does not know.
    private Task<int> DeleteAsync(string sql, string[] families, CancellationToken cancellationToken)
    {
        var parameters = new DynamicParameters();
        parameters.Add("batch", Batch);
        for (var i = 0; i < families.Length; i++) parameters.Add($"f{i}", families[i]);
        var text = string.Format(CultureInfo.InvariantCulture, sql, string.Join(", ", families.Select((_, i) => $"@f{i}")));
        return database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(text, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);
    }
}
