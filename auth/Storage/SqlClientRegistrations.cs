using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Clients.Administration;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Scim.Filters;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlClientRegistrations(SqlDatabase database, Endings endings, IInvalidations invalidations, TimeProvider time) : IClientRegistrations
{
    private static readonly Dictionary<string, string> _columns = new(StringComparer.Ordinal)
    {
        ["client_id"] = "client_id",
        ["name"] = "name",
        ["scope"] = "scopes",
        ["authorities"] = "authorities",
        ["authorized_grant_types"] = "grant_types",
        ["redirect_uri"] = "redirect_uris",
        ["autoapprove"] = "auto_approve",
        ["access_token_validity"] = "access_token_validity",
        ["refresh_token_validity"] = "refresh_token_validity",
        ["lastModified"] = "updated_at",
    };

    public async Task<RegisteredClient?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<ClientRow>(new CommandDefinition(
            "SELECT * FROM clients WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, cancellationToken: cancellationToken));
        return row is null ? null : Registered(row);
    }

    public async Task<(IReadOnlyList<RegisteredClient> Page, long Total)> ListAsync(string zoneId, Listing listing, CancellationToken cancellationToken)
    {
        var parameters = new DynamicParameters(new { zoneId, count = listing.Count, skip = listing.StartIndex - 1 });
        var sql = new FilterSql(_columns, parameters);
        // The zone stands last and outside: no filter widens it (V-022).
        var where = $"{(listing.Filter is null ? "1 = 1" : sql.Condition(listing.Filter))} AND zone_id = @zoneId";
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<ClientRow>(new CommandDefinition(
            $"SELECT * FROM clients WHERE {where} ORDER BY {sql.Order(listing, "client_id")} LIMIT @count OFFSET @skip", parameters, cancellationToken: cancellationToken));
        var total = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"SELECT COUNT(*) FROM clients WHERE {where}", parameters, cancellationToken: cancellationToken));
        return ([.. rows.Select(Registered)], total);
    }

    public Task<DateTimeOffset?> TryReplaceAsync(RegisteredClient read, Client client, string? endTokensBecause, CancellationToken cancellationToken) =>
        database.WriteAsync<DateTimeOffset?>(async (connection, transaction) =>
        {
            // Later than before in any case: the time tells one state of the row from the next.
            var now = time.GetUtcNow();
            var at = now.Milliseconds() > read.UpdatedAt.Milliseconds() ? now.Milliseconds() : read.UpdatedAt.Milliseconds() + 1;
            var parameters = ClientRow.Of(client, at.At());
            parameters.Add("seen", read.UpdatedAt.Milliseconds());
            var replaced = await connection.ExecuteAsync(new CommandDefinition(ClientRow.Replace, parameters, transaction, cancellationToken: cancellationToken));
            if (replaced == 0) return null;
            await invalidations.PublishAsync(connection, transaction, Topics.Client, client.Id);
            if (endTokensBecause is not null) await endings.OfClientAsync(connection, transaction, client.ZoneId, client.Id, endTokensBecause);
            return at.At();
        }, cancellationToken);

    public Task<bool> DeleteAsync(string zoneId, string clientId, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var deleted = await connection.ExecuteAsync(new CommandDefinition(
                "DELETE FROM clients WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, transaction, cancellationToken: cancellationToken));
            if (deleted == 0) return false;
            await invalidations.PublishAsync(connection, transaction, Topics.Client, clientId);
            await connection.ExecuteAsync("DELETE FROM approvals WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, transaction);
            await endings.OfClientAsync(connection, transaction, zoneId, clientId, "client deleted");
            return true;
        }, cancellationToken);

    public async Task<string?> FindMetaAsync(string zoneId, string clientId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
            "SELECT meta FROM client_meta WHERE zone_id = @zoneId AND client_id = @clientId", new { zoneId, clientId }, cancellationToken: cancellationToken));
    }

    public async Task<IReadOnlyDictionary<string, string>> ListMetaAsync(string zoneId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<(string Id, string Meta)>(new CommandDefinition(
            "SELECT client_id, meta FROM client_meta WHERE zone_id = @zoneId ORDER BY client_id LIMIT 500", new { zoneId }, cancellationToken: cancellationToken));
        return rows.ToDictionary(row => row.Id, row => row.Meta, StringComparer.Ordinal);
    }

    public Task SaveMetaAsync(string zoneId, string clientId, string meta, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            INSERT INTO client_meta (zone_id, client_id, meta)
            SELECT zone_id, client_id, @meta FROM clients WHERE zone_id = @zoneId AND client_id = @clientId
            ON CONFLICT (zone_id, client_id) DO UPDATE SET meta = excluded.meta
            """, new { zoneId, clientId, meta }, transaction, cancellationToken: cancellationToken)), cancellationToken);

    private static RegisteredClient Registered(ClientRow row) => new(row.ToClient(), row.UpdatedAt.At());
}
