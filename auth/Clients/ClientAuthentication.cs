using System.Net;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

/// <summary>A client that has proved who it is.</summary>
/// <param name="Client">The client.</param>
/// <param name="Method">Claim <c>client_auth_method</c>; null for an ordinary secret.</param>
internal sealed record AuthenticatedClient(Client Client, string? Method)
{
    /// <summary>The method that authenticated, by its name in the metadata; policy looks at this and at nothing the request merely carries.</summary>
    public string? Way { get; init; }

    /// <summary>Nothing was proved but the name: a public client, or UAA's empty secret.</summary>
    public bool ProvedNothing => Method == "none";
}

/// <summary>One way for clients to authenticate; the metadata lists what is registered.</summary>
internal interface IClientAuthentication
{
    /// <summary>The name of RFC 8414 §2, <c>token_endpoint_auth_methods_supported</c>.</summary>
    string Method { get; }
}

/// <summary>A way that shows a secret.</summary>
internal interface ISecretAuthentication : IClientAuthentication
{
    /// <summary>The credentials of this kind in the request. Several when the same text can name several clients: the first that exists is meant.</summary>
    /// <returns>Null when the request does not try this way.</returns>
    Result<IReadOnlyList<ClientCredential>, OAuthError>? Read(HttpRequest request, Parameters form);
}

/// <summary>A way that proves the possession of a key.</summary>
internal interface IProofAuthentication : IClientAuthentication
{
    /// <summary>True when the request tries this way, well or badly.</summary>
    bool IsTried(HttpRequest request, Parameters form);

    Task<Result<Client, OAuthError>> AuthenticateAsync(HttpRequest request, Parameters form, CancellationToken cancellationToken);
}

/// <summary>Id and secret as the request says them.</summary>
/// <param name="Id">The client's id.</param>
/// <param name="Secret">The secret, decoded.</param>
/// <param name="RawSecret">The secret before it was decoded, which may be meant as well; null when there is one reading alone.</param>
internal readonly record struct ClientCredential(string Id, string Secret, string? RawSecret = null);

/// <summary>Finds out which client calls (RFC 6749 §2.3).</summary>
internal sealed partial class ClientAuthenticator(
    IEnumerable<IClientAuthentication> ways, CertificateAuthentication certificates, KnownClients clients, ClientSecret secrets, SlowHash slow,
    AddressLimits limits, TimeProvider time, IAudit audit, ILogger<ClientAuthenticator> logger)
{
    private const int MostHeld = 1000;
    private static readonly TimeSpan Hold = TimeSpan.FromMilliseconds(500);
    private readonly IClientAuthentication[] _ways = ways.ToArray();
    private int _held;

    /// <summary>What the metadata advertises; public clients authenticate by <c>none</c>.</summary>
    public IEnumerable<string> Methods => [.. _ways.Select(way => way.Method), .. certificates.Methods, "none"];

    /// <summary>The ways of clients that have a credential, for endpoints that are not for public clients.</summary>
    public IEnumerable<string> ConfidentialMethods => Methods.Where(method => method != "none");

    /// <summary>The client that proved who it is; a public one proves nothing.</summary>
    public Task<Result<AuthenticatedClient, OAuthError>> AuthenticateAsync(HttpRequest request, Parameters form, CancellationToken cancellationToken) =>
        AuthenticateAsync(request, form, allowPublic: false, cancellationToken);

    /// <param name="request">The request.</param>
    /// <param name="form">Its parameters.</param>
    /// <param name="allowPublic">Whether the name of a public client is enough here: something else must prove that it may have what it asks for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<AuthenticatedClient, OAuthError>> AuthenticateAsync(
        HttpRequest request, Parameters form, bool allowPublic, CancellationToken cancellationToken)
    {
        // Two credentials of different kinds leave open which one counts (§2.3: exactly one method for each request).
        IClientAuthentication? used = null;
        IReadOnlyList<ClientCredential> credentials = [];
        foreach (var way in _ways)
        {
            if (way is ISecretAuthentication secret)
            {
                if (secret.Read(request, form) is not { } found) continue;
                if (!found.IsSuccess) return found.Error;
                credentials = found.Value;
            }
            else if (!((IProofAuthentication)way).IsTried(request, form)) continue;
            if (used is not null) return OAuthError.InvalidRequest("More than one way of client authentication was used");
            used = way;
        }

        var client = used switch
        {
            null => await NamedAsync(request, form, allowPublic, cancellationToken),
            IProofAuthentication proof => await ProvedAsync(proof, request, form, cancellationToken),
            _ => await VerifyAsync(credentials, request.HttpContext.Connection.RemoteIpAddress, cancellationToken),
        };
        if (!client.IsSuccess) return client.Error;
        var authenticated = used is null ? client.Value : client.Value with { Way = used.Method };
        if (form["client_id"] is { } named && named != authenticated.Client.Id)
            return OAuthError.InvalidClient("Given client ID does not match authenticated client");
        if (IsAllowed(authenticated)) return authenticated;
        Log.Refused(logger, authenticated.Client.Id);
        audit.Record(new AuditEvent("client.refused") { ClientId = authenticated.Client.Id, Address = request.HttpContext.Connection.RemoteIpAddress, Reason = "another method than registered" });
        return OAuthError.BadCredentials($"the client is not registered for {authenticated.Way}");
    }

    private static async Task<Result<AuthenticatedClient, OAuthError>> ProvedAsync(
        IProofAuthentication proof, HttpRequest request, Parameters form, CancellationToken cancellationToken)
    {
        var client = await proof.AuthenticateAsync(request, form, cancellationToken);
        return client.IsSuccess ? new AuthenticatedClient(client.Value, proof.Method) : client.Error;
    }

    // Nothing but a name: the certificate of the connection stands for it, or the client is public.
    private async Task<Result<AuthenticatedClient, OAuthError>> NamedAsync(HttpRequest request, Parameters form, bool allowPublic, CancellationToken cancellationToken)
    {
        if (form["client_id"] is { } id && await clients.FindAsync(Zone.Default, id, cancellationToken) is { Enabled: true } client)
        {
            if (certificates.IsFor(client))
                return await certificates.VerifyAsync(request, client, cancellationToken) is { } method
                    ? new AuthenticatedClient(client, method) { Way = method }
                    : OAuthError.BadCredentials("the certificate is not that of the client");
            if (allowPublic && client.AllowPublic) return new AuthenticatedClient(client, "none") { Way = "none" };
        }
        return OAuthError.InvalidClient("Full authentication is required to access this resource");
    }

    // V-058: what counts is the method that authenticated.
    private static bool IsAllowed(AuthenticatedClient client)
    {
        var registered = client.Client.Metadata;
        if (registered.Profile == "fapi2" && client.Way is not ("private_key_jwt" or "tls_client_auth" or "self_signed_tls_client_auth")) return false;
        return registered.TokenEndpointAuthMethod is not { } method || method == client.Way || (method == "none" && client.ProvedNothing);
    }

    private async Task<Result<AuthenticatedClient, OAuthError>> VerifyAsync(
        IReadOnlyList<ClientCredential> readings, IPAddress? address, CancellationToken cancellationToken)
    {
        Client? client = null;
        var credential = readings[0];
        foreach (var reading in readings)
        {
            if (await clients.FindAsync(Zone.Default, reading.Id, cancellationToken) is not { Enabled: true } found) continue;
            (client, credential) = (found, reading);
            break;
        }
        var authenticated = client is null ? null : new AuthenticatedClient(client, credential.Secret.Length == 0 ? "none" : null);
        var now = time.GetUtcNow();

        // 1. What costs nothing. A generated secret cannot be guessed, so it counts even while its address has to wait: services
        // and public clients do not suffer from what others do at the same address.
        if (ClientSecret.MatchesGenerated(client, credential, now)) return authenticated!;
        if (limits.Refusal(address) is { } early) return await HoldAsync(early, cancellationToken);
        if (secrets.IsRemembered(client, credential, now)) return authenticated!;

        // 2. One slow hash for every mismatch, whether the client exists or not. The place comes first: who gets none was not
        // checked, and nothing is counted. From the count on the caller's going away changes nothing.
        var turn = limits.Enter(address);
        if (!turn.IsSuccess) return await HoldAsync(turn.Error, cancellationToken);
        using var _ = turn.Value;
        using var place = slow.ReserveForClient(ClientSecret.IsChosen(client, now));
        if (place is null) return await HoldAsync(OAuthError.Busy("the queue of slow hashes of clients is full"), cancellationToken);
        if ((limits.Count(address) ?? limits.CountClient(credential.Id, address)) is { } refusal) return refusal;
        if (await secrets.VerifyAsync(place, client, credential, now))
        {
            limits.TakeBackClient(credential.Id, address);
            return authenticated!;
        }
        // The id is named in the log only when such a client exists: anything else may be a secret in the wrong place.
        Log.Refused(logger, client?.Id ?? "(unknown)");
        audit.Record(new AuditEvent("client.refused") { ClientId = client?.Id, Address = address, Reason = client is null ? "unknown client" : "wrong secret" });
        return OAuthError.BadCredentials("client authentication failed");
    }

    // A flood that is refused at once comes back at once and takes the processors by the mere number of its requests. Real
    // time, whatever the clock: it decides nothing.
    private async Task<OAuthError> HoldAsync(OAuthError error, CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _held) <= MostHeld) await Task.Delay(Hold, TimeProvider.System, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
        return error;
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.ClientRefused, LogLevel.Information, "Client {ClientId} did not authenticate")]
        public static partial void Refused(ILogger logger, string clientId);
    }
}
