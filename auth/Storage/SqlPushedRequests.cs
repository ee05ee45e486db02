using Dapper;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlPushedRequests(SqlDatabase database) : IPushedRequests
{
    public Task AddAsync(string hash, PushedRequest request, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO pushed_requests (request_hash, zone_id, client_id, parameters, created_at, expires_at)
            VALUES (@hash, @zone, @ClientId, @parameters, @createdAt, @expiresAt)
            """,
            new
            {
                hash,
                zone = Zone.Default,
                request.ClientId,
                parameters = StoredParameters.Write(request.Parameters),
                createdAt = request.CreatedAt.Milliseconds(),
                expiresAt = request.ExpiresAt.Milliseconds(),
            },
            transaction, cancellationToken: cancellationToken)), cancellationToken);

    public async Task<PushedRequest?> FindAsync(string hash, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            "SELECT client_id, parameters, created_at, expires_at FROM pushed_requests WHERE request_hash = @hash AND completed_at IS NULL AND expires_at > @now",
            new { hash, now = now.Milliseconds() }, cancellationToken: cancellationToken));
        return row is null ? null : new PushedRequest(row.ClientId, StoredParameters.Read(row.Parameters), row.CreatedAt.At(), row.ExpiresAt.At());
    }

    private sealed class Row
    {
        public string ClientId { get; init; } = "";
        public string Parameters { get; init; } = "{}";
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }
    }
}
