using Dapper;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlPublicClients(SqlDatabase database) : IPublicClients
{
    public async Task<IReadOnlyList<(IReadOnlyList<string> RedirectUris, ClientMetadata Metadata)>> ListAsync(string zoneId, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            "SELECT redirect_uris, metadata FROM clients WHERE zone_id = @zoneId AND allow_public = @yes AND enabled = @yes",
            new { zoneId, yes = true }, cancellationToken: cancellationToken));
        return [.. rows.Select(row => ((IReadOnlyList<string>)Words.Split(row.RedirectUris), ClientMetadata.Parse(row.Metadata)))];
    }

    private sealed class Row
    {
        public string RedirectUris { get; set; } = "";
        public string Metadata { get; set; } = "{}";
    }
}
