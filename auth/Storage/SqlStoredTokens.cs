using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlStoredTokens(SqlDatabase database, IRevocations revocations, TimeProvider time) : IStoredTokens
{
    private const string Refresh = "-r";

    private static readonly string[] Selects =
    [
        "SELECT 'access' AS kind, jti AS id, client_id, user_id, claims AS scope, issued_at, expires_at FROM access_tokens t WHERE zone_id = @zoneId AND expires_at > @now",
        "SELECT 'refresh' AS kind, f.family_id AS id, client_id, user_id, scopes AS scope, t.issued_at, t.expires_at FROM refresh_families f "
            + "JOIN refresh_tokens t ON t.family_id = f.family_id AND t.consumed_at IS NULL WHERE f.zone_id = @zoneId AND revoked_at IS NULL AND t.expires_at > @now",
        "SELECT 'api' AS kind, id, client_id, user_id, scopes AS scope, created_at AS issued_at, expires_at FROM api_tokens t WHERE zone_id = @zoneId AND revoked_at IS NULL AND expires_at > @now",
    ];

    public async Task<IReadOnlyList<StoredToken>> ListAsync(string zoneId, string? userId, string? clientId, CancellationToken cancellationToken)
    {
        var whose = userId is not null ? " AND user_id = @userId" : " AND client_id = @clientId";
        await using var connection = await database.OpenAsync(cancellationToken);
        var found = new List<StoredToken>();
        foreach (var select in Selects)
            found.AddRange((await connection.QueryAsync<Row>(new CommandDefinition(
                select + whose, new { zoneId, userId, clientId, now = time.GetUtcNow().Milliseconds() }, cancellationToken: cancellationToken))).Select(row => row.ToToken()));
        return found;
    }

    public async Task<StoredToken?> FindAsync(string zoneId, string tokenId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var isRefresh = tokenId.EndsWith(Refresh, StringComparison.Ordinal);
        var parameters = new { zoneId, id = isRefresh ? tokenId[..^Refresh.Length] : tokenId, now = time.GetUtcNow().Milliseconds() };
        string[] searches = isRefresh ? [Selects[1] + " AND f.family_id = @id"] : [Selects[0] + " AND jti = @id", Selects[2] + " AND id = @id"];
        foreach (var search in searches)
            if (await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(search, parameters, cancellationToken: cancellationToken)) is { } row) return row.ToToken();
        return null;
    }

    public Task<bool> RevokeAsync(string zoneId, StoredToken token, string because, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var now = time.GetUtcNow();
            var isRefresh = token.Kind == "REFRESH_TOKEN";
            var id = isRefresh ? token.Id[..^Refresh.Length] : token.Id;
            string[] changes = isRefresh
                ? ["UPDATE refresh_families SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND family_id = @id AND revoked_at IS NULL"]
                : [
                    "DELETE FROM access_tokens WHERE zone_id = @zoneId AND jti = @id",
                    "UPDATE api_tokens SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND id = @id AND revoked_at IS NULL",
                ];
            var changed = 0;
            foreach (var change in changes)
                changed += await connection.ExecuteAsync(new CommandDefinition(
                    change, new { zoneId, id, because, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (changed == 0) return false;
            // What was exchanged for a token of no authorization bears its id as one: the end of both is told, whatever the token was.
            foreach (var kind in isRefresh ? [RevocationKind.Grant] : new[] { RevocationKind.Token, RevocationKind.Grant })
                await revocations.AddAsync(connection, transaction, new RevocationEvent
                {
                    ZoneId = zoneId,
                    Kind = kind,
                    Subject = id,
                    Because = because,
                    ExpiresAt = RevocationEvent.EndOfTokens(now),
                });
            return true;
        }, cancellationToken);

    private sealed class Row
    {
        public string Kind { get; init; } = "";
        public string Id { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string? UserId { get; init; }
        public string Scope { get; init; } = "";
        public long IssuedAt { get; init; }
        public long ExpiresAt { get; init; }

        public StoredToken ToToken() => new(
            Kind == "refresh" ? Id + Refresh : Id, Kind == "refresh" ? "REFRESH_TOKEN" : "ACCESS_TOKEN", ClientId, UserId, Kind == "access" ? OfClaims(Scope) : Scope, IssuedAt.At(), ExpiresAt.At());

        private static string OfClaims(string claims)
        {
            using var json = System.Text.Json.JsonDocument.Parse(claims);
            return string.Join(' ', json.RootElement.GetProperty("scope").EnumerateArray().Select(scope => scope.GetString()));
        }
    }
}
