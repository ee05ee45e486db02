using System.Text.Json;
using Dapper;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlOpaqueTokens(SqlDatabase database, IRevocations revocations) : IOpaqueTokens
{
    public Task AddAsync(OpaqueToken token, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO access_tokens (token_hash, zone_id, jti, client_id, user_id, claims, issued_at, expires_at)
            VALUES (@Hash, @ZoneId, @TokenId, @ClientId, @UserId, @Claims, @IssuedAt, @ExpiresAt)
            """,
            new
            {
                token.Hash,
                token.ZoneId,
                token.TokenId,
                token.ClientId,
                token.UserId,
                token.Claims,
                IssuedAt = token.IssuedAt.Milliseconds(),
                ExpiresAt = token.ExpiresAt.Milliseconds(),
            },
            transaction, cancellationToken: cancellationToken)), cancellationToken);

    public async Task<OpaqueToken?> FindAsync(string hash, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            "SELECT zone_id, jti, client_id, user_id, claims, issued_at, expires_at FROM access_tokens WHERE token_hash = @hash",
            new { hash }, cancellationToken: cancellationToken));
        return row is null ? null : new OpaqueToken(hash, row.ZoneId, row.Jti, row.ClientId, row.UserId, row.Claims, row.IssuedAt.At(), row.ExpiresAt.At());
    }

    public Task<bool> RevokeAsync(OpaqueToken token, string because, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var deleted = await connection.ExecuteAsync(new CommandDefinition(
                "DELETE FROM access_tokens WHERE token_hash = @Hash", new { token.Hash }, transaction, cancellationToken: cancellationToken));
            if (deleted == 0) return false;
            using var claims = JsonDocument.Parse(token.Claims);
            foreach (var ended in RevocationEvent.OfToken(token.ZoneId, token.TokenId, TokenMarks.Of(claims.RootElement, null), token.ExpiresAt, because))
                await revocations.AddAsync(connection, transaction, ended);
            return true;
        }, cancellationToken);

    private sealed class Row
    {
        public string ZoneId { get; init; } = "";
        public string Jti { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string? UserId { get; init; }
        public string Claims { get; init; } = "";
        public long IssuedAt { get; init; }
        public long ExpiresAt { get; init; }
    }
}

/// <summary>Opaque access tokens and API tokens that have ended.</summary>
internal sealed class PrunableTokens(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Long enough to see in the list of API tokens what has ended.
    private static readonly TimeSpan KeptApiTokens = TimeSpan.FromDays(30);

    public string Rows => "access tokens";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var opaque = await DeleteAsync(
            "DELETE FROM access_tokens WHERE token_hash IN (SELECT token_hash FROM access_tokens WHERE expires_at <= @ended LIMIT @batch)", now, cancellationToken);
        var api = await DeleteAsync(
            "DELETE FROM api_tokens WHERE token_hash IN (SELECT token_hash FROM api_tokens WHERE expires_at <= @ended LIMIT @batch)", now - KeptApiTokens, cancellationToken);
        return opaque < Batch && api < Batch;
    }

    private Task<int> DeleteAsync(string sql, DateTimeOffset ended, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            sql, new { ended = ended.Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken);
}
