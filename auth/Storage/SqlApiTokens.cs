using Dapper;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlApiTokens(SqlDatabase database, IRevocations revocations) : IApiTokens
{
    private const string Columns =
        "id, zone_id, client_id, user_id, label, scopes, issued_at, created_at, expires_at, last_used_at, last_used_address, revoked_at";

    public Task<bool> TryAddAsync(ApiToken token, string hash, int most, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            $"""
            INSERT INTO api_tokens (token_hash, id, zone_id, client_id, user_id, label, scopes, issued_at, created_at, expires_at)
            SELECT @hash, @Id, @ZoneId, @ClientId, CAST(@UserId AS TEXT), @Label, @Scopes, @IssuedAt, @CreatedAt, @ExpiresAt
            WHERE (SELECT COUNT(*) FROM api_tokens WHERE zone_id = @ZoneId AND {(token.UserId is null ? "user_id IS NULL AND client_id = @ClientId" : "user_id = @UserId")} AND revoked_at IS NULL AND expires_at > @CreatedAt) < @most
            """,
            new
            {
                hash,
                most,
                token.Id,
                token.ZoneId,
                token.ClientId,
                token.UserId,
                token.Label,
                Scopes = Words.Join(token.Scopes),
                IssuedAt = token.IssuedAt.Milliseconds(),
                CreatedAt = token.CreatedAt.Milliseconds(),
                ExpiresAt = token.ExpiresAt.Milliseconds(),
            },
            transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public Task<ApiToken?> FindAsync(string hash, CancellationToken cancellationToken) =>
        OneAsync($"SELECT {Columns} FROM api_tokens WHERE token_hash = @hash", new { hash }, cancellationToken);

    public Task<ApiToken?> FindByIdAsync(string zoneId, string id, CancellationToken cancellationToken) =>
        OneAsync($"SELECT {Columns} FROM api_tokens WHERE id = @id AND zone_id = @zoneId", new { zoneId, id }, cancellationToken);

    public async Task<IReadOnlyList<ApiToken>> ListAsync(string zoneId, string? clientId, string? userId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var owner = userId is null ? "user_id IS NULL AND client_id = @clientId" : "user_id = @userId";
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"SELECT {Columns} FROM api_tokens WHERE zone_id = @zoneId AND {owner} AND revoked_at IS NULL ORDER BY created_at DESC, id",
            new { zoneId, clientId, userId }, cancellationToken: cancellationToken));
        return [.. rows.Select(row => row.ToToken())];
    }

    public Task<bool> RevokeAsync(ApiToken token, string because, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var revoked = await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE api_tokens SET revoked_at = @now, revoked_because = @because WHERE id = @Id AND revoked_at IS NULL",
                new { token.Id, because, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (revoked == 0) return false;
            // A token may live for a year; who follows was told within hours, or begins anew, and its row says for ever that it is revoked.
            var told = RevocationEvent.EndOfTokens(now);
            await revocations.AddAsync(connection, transaction, RevocationEvent.OfToken(token.ZoneId, token.Id, token.ExpiresAt < told ? token.ExpiresAt : told, because));
            return true;
        }, cancellationToken);

    public Task UsedAsync(IReadOnlyCollection<ApiTokenUse> uses, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "UPDATE api_tokens SET last_used_at = @At, last_used_address = @Address WHERE id = @Id AND (last_used_at IS NULL OR last_used_at < @At)",
            uses.OrderBy(use => use.Id, StringComparer.Ordinal).Select(use => new { use.Id, At = use.At.Milliseconds(), Address = use.Address?.ToString() }),
            transaction, cancellationToken: cancellationToken)), cancellationToken);

    private async Task<ApiToken?> OneAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken)))?.ToToken();
    }

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string? UserId { get; init; }
        public string Label { get; init; } = "";
        public string Scopes { get; init; } = "";
        public long IssuedAt { get; init; }
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }
        public long? LastUsedAt { get; init; }
        public string? LastUsedAddress { get; init; }
        public long? RevokedAt { get; init; }

        public ApiToken ToToken() => new()
        {
            Id = Id,
            ZoneId = ZoneId,
            ClientId = ClientId,
            UserId = UserId,
            Label = Label,
            Scopes = Words.Split(Scopes),
            IssuedAt = IssuedAt.At(),
            CreatedAt = CreatedAt.At(),
            ExpiresAt = ExpiresAt.At(),
            LastUsedAt = LastUsedAt.At(),
            LastUsedAddress = LastUsedAddress,
            RevokedAt = RevokedAt.At(),
        };
    }
}
