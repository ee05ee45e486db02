using SecureMesh.Auth.Scim.Filters;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>A client as the administration sees it.</summary>
internal sealed record RegisteredClient(Client Client, DateTimeOffset UpdatedAt);

/// <summary>The registrations of all zones.</summary>
internal interface IClientRegistrations
{
    Task<RegisteredClient?> FindAsync(string zoneId, string clientId, CancellationToken cancellationToken);

    Task<(IReadOnlyList<RegisteredClient> Page, long Total)> ListAsync(string zoneId, Listing listing, CancellationToken cancellationToken);

    /// <summary>Replaces what the caller has read, unless somebody changed it since.</summary>
    /// <param name="read">As the caller read it.</param>
    /// <param name="client">As it shall be.</param>
    /// <param name="endTokensBecause">Ends the client's tokens and renewable sign-ins in the same transaction; null leaves them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>When it was changed; null when somebody was faster.</returns>
    Task<DateTimeOffset?> TryReplaceAsync(RegisteredClient read, Client client, string? endTokensBecause, CancellationToken cancellationToken);

    /// <summary>Deletes the client and ends its tokens and renewable sign-ins.</summary>
    /// <returns>False when it was gone.</returns>
    Task<bool> DeleteAsync(string zoneId, string clientId, CancellationToken cancellationToken);

    /// <summary>The stored meta, a JSON object; null when there is none.</summary>
    Task<string?> FindMetaAsync(string zoneId, string clientId, CancellationToken cancellationToken);

    Task<IReadOnlyDictionary<string, string>> ListMetaAsync(string zoneId, CancellationToken cancellationToken);

    Task SaveMetaAsync(string zoneId, string clientId, string meta, CancellationToken cancellationToken);
}
