using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

/// <summary>A client that has proved who it is.</summary>
/// <param name="Client">The client.</param>
/// <param name="Method">Claim <c>client_auth_method</c>; null for an ordinary secret.</param>
internal sealed record AuthenticatedClient(Client Client, string? Method);

/// <summary>One way for clients to authenticate; the metadata lists what is registered.</summary>
internal interface IClientAuthentication
{
    /// <summary>The name of RFC 8414 §2, <c>token_endpoint_auth_methods_supported</c>.</summary>
    string Method { get; }

    /// <summary>The credentials of this kind in the request: none, one reading, or several of the same text.</summary>
    /// <returns>Null when the request does not try this way.</returns>
    Result<IReadOnlyList<ClientCredential>, OAuthError>? Read(HttpRequest request, Parameters form);
}

/// <summary>Id and secret as the request says them.</summary>
internal readonly record struct ClientCredential(string Id, string Secret);

/// <summary>Finds out which client calls (RFC 6749 §2.3).</summary>
internal sealed partial class ClientAuthenticator(
    IEnumerable<IClientAuthentication> ways, IClients clients, ClientSecret secrets, TimeProvider time, ILogger<ClientAuthenticator> logger)
{
    private readonly IClientAuthentication[] _ways = ways.ToArray();

    public IEnumerable<string> Methods => _ways.Select(way => way.Method);

    public async Task<Result<AuthenticatedClient, OAuthError>> AuthenticateAsync(HttpRequest request, Parameters form, CancellationToken cancellationToken)
    {
        // Two credentials of different kinds leave open which one counts (§2.3: exactly one method for each request).
        Result<IReadOnlyList<ClientCredential>, OAuthError>? only = null;
        foreach (var way in _ways)
        {
            if (way.Read(request, form) is not { } found) continue;
            if (!found.IsSuccess) return found.Error;
            if (only is not null) return OAuthError.InvalidRequest("More than one way of client authentication was used");
            only = found;
        }
        if (only is null)
            return OAuthError.InvalidClient("Full authentication is required to access this resource");

        var client = await VerifyAsync(only.Value.Value!, cancellationToken);
        if (!client.IsSuccess) return client.Error;
        if (form["client_id"] is { } named && named != client.Value.Client.Id)
            return OAuthError.InvalidClient("Given client ID does not match authenticated client");
        return client;
    }

    private async Task<Result<AuthenticatedClient, OAuthError>> VerifyAsync(IReadOnlyList<ClientCredential> readings, CancellationToken cancellationToken)
    {
        foreach (var (id, secret) in readings)
        {
            var client = await clients.FindAsync(Zone.Default, id, cancellationToken);
            if (client is { Enabled: false }) client = null;
            var check = await secrets.VerifyAsync(client, id, secret, time.GetUtcNow(), cancellationToken);
            if (check == HashCheck.Busy) return OAuthError.Busy("the queue of slow hashes is full");
            if (check == HashCheck.Match) return new AuthenticatedClient(client!, secret.Length == 0 ? "none" : null);
        }
        // The id is named in the log only when such a client exists: anything else may be a secret in the wrong place.
        var known = await clients.FindAsync(Zone.Default, readings[0].Id, cancellationToken);
        Log.Refused(logger, known?.Id ?? "(unknown)");
        return OAuthError.BadCredentials("client authentication failed");
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ClientRefused, LogLevel.Information, "Client {ClientId} did not authenticate")]
        public static partial void Refused(ILogger logger, string clientId);
    }
}
