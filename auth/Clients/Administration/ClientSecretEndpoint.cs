using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Limits;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>
/// <c>PUT /uaa/oauth/clients/{id}/secret</c> (uaa.md §4.4). Two secrets live side by side for a change without a gap (ADD, then
/// DELETE); replacing ends what came of the old secret, as after its theft (T-11).
/// </summary>
internal sealed class ClientSecretEndpoint(
    BearerAuthentication bearer, IClientRegistrations registrations, ClientSecrets secrets, ClientSecret check, SlowHash slow, AddressLimits limits, IAudit audit,
    TimeProvider time)
{
    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.secret", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var fields = new ClientFields(body.Value);
        var id = ClientsEndpoint.PathId(http);
        string? secret = fields.Text("secret"), old = fields.Text("oldSecret"), mode = fields.Text("changeMode")?.ToUpperInvariant() ?? "UPDATE";
        var generate = fields.Flag("generate_secret") == true;
        if (fields.Text("clientId") is { } named && named != id) return ClientBody.Invalid("The client id of the body is not the one of the path");
        if (fields.Fault is { } fault) return ClientBody.Invalid(fault);

        // 1. Who may: an administrator any, a client its own, and then only with the old secret.
        var admin = caller.Value.HoldsAny("clients.admin");
        if (!admin && id != caller.Value.Client.Id) return ClientBody.Invalid("Bad request. Not permitted to change another client's secret");
        if (await registrations.FindAsync(Zone.Default, id, cancellationToken) is not { } stored) return Bare.NotFound;
        if (!admin && await OldSecretFaultAsync(http, stored.Client, old, cancellationToken) is { } refused) return refused;

        // 2. What it shall be.
        var two = stored.Client.OlderSecretHash is not null && !(stored.Client.OlderSecretExpiresAt <= time.GetUtcNow());
        if (mode == "DELETE") return two ? await SaveAsync(http, caller.Value, stored, stored.Client with { OlderSecretHash = null, OlderSecretExpiresAt = null }, mode, null, cancellationToken)
            : ClientBody.Invalid("client secret is either empty or client has only one secret.");
        if (mode is not ("ADD" or "UPDATE")) return ClientBody.Invalid("changeMode must be ADD, DELETE or UPDATE");
        if (stored.Client.AllowPublic) return ClientBody.Invalid("A public client has no secret");
        if (stored.Client.GrantTypes is ["implicit"]) return ClientBody.Invalid("Implicit grant should not have a client_secret");
        if (mode == "ADD" && (two || stored.Client.SecretHash is null or ClientSecret.Empty))
            return ClientBody.Invalid("client secret is either empty or client already has two secrets.");
        if (generate == (secret is not null)) return ClientBody.Invalid("Either secret or generate_secret must be given");
        var generated = generate ? ClientSecrets.Generate() : default;
        if (!generate)
        {
            var chosen = await secrets.ChosenAsync(secret!);
            if (!chosen.IsSuccess) return chosen.Error;
            generated.Stored = chosen.Value;
        }
        var client = mode == "ADD"
            ? stored.Client with { OlderSecretHash = stored.Client.SecretHash, SecretHash = generated.Stored, OlderSecretExpiresAt = null }
            : stored.Client with { OlderSecretHash = null, SecretHash = generated.Stored, OlderSecretExpiresAt = null, TokenSalt = Entropy.HexId() };
        return await SaveAsync(http, caller.Value, stored, client, mode, generated.Secret, cancellationToken);
    }

    private async Task<IResult> SaveAsync(
        HttpContext http, VerifiedToken caller, RegisteredClient stored, Client client, string mode, string? generated, CancellationToken cancellationToken)
    {
        var ends = mode == "UPDATE" ? "client secret replaced" : null;
        if (await registrations.TryReplaceAsync(stored, client, ends, cancellationToken) is null) return ClientsEndpoint.Changed();
        audit.Record(new AuditEvent("client.secret.changed")
        {
            ClientId = client.Id,
            Address = http.Connection.RemoteIpAddress,
            Reason = $"{mode.ToLowerInvariant()} {caller.Caller()}",
        });
        return new Answer(json =>
        {
            json.WriteString("status", "ok");
            json.WriteString("message", mode switch { "ADD" => "Secret is added", "DELETE" => "Secret is deleted", _ => "secret updated" });
            if (generated is not null) json.WriteString("client_secret", generated); // shown this once
        });
    }

    // A stolen token must not become a way to try secrets faster than at the token endpoint.
    private async Task<IResult?> OldSecretFaultAsync(HttpContext http, Client client, string? old, CancellationToken cancellationToken)
    {
        var wrong = ClientBody.Invalid("Previous secret is required and must be valid");
        if (old is null) return wrong;
        var credential = new ClientCredential(client.Id, old);
        var now = time.GetUtcNow();
        if (ClientSecret.MatchesGenerated(client, credential, now)) return null;
        var address = http.Connection.RemoteIpAddress;
        var turn = limits.Enter(address);
        if (!turn.IsSuccess) return turn.Error;
        using var _ = turn.Value;
        using var place = slow.ReserveForClient(ClientSecret.IsChosen(client, now));
        if (place is null) return OAuthError.Busy("the queue of slow hashes of clients is full");
        if (limits.Count(address) is { } refusal) return refusal;
        cancellationToken.ThrowIfCancellationRequested();
        if (!await check.VerifyAsync(place, client, credential, now)) return wrong;
        limits.TakeBack(address);
        return null;
    }
}
