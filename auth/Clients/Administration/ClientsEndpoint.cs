using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Scim.Filters;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary><c>/uaa/oauth/clients</c> (uaa.md §4): reads, registers, changes and deletes clients.</summary>
internal sealed class ClientsEndpoint(
    BearerAuthentication bearer, IClients clients, IClientRegistrations registrations, ClientRules rules, ClientSecrets secrets, IAudit audit, TimeProvider time)
{
    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.read", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var listing = Listing.Read(http.Request.Query, ClientDocument.Rules);
        if (!listing.IsSuccess) return listing.Error;
        var (page, total) = await registrations.ListAsync(Zone.Default, listing.Value, cancellationToken);
        return new Answer(json =>
        {
            json.WriteStartArray("resources");
            foreach (var client in page) listing.Value.WriteResult(json, writer => ClientDocument.Write(writer, client));
            json.WriteEndArray();
            json.WriteNumber("startIndex", listing.Value.StartIndex);
            json.WriteNumber("itemsPerPage", Math.Min(listing.Value.Count, total));
            json.WriteNumber("totalResults", total);
            json.WriteStartArray("schemas");
            json.WriteStringValue("http://cloudfoundry.org/schema/scim/oauth-clients-1.0");
            json.WriteEndArray();
        });
    }

    public async Task<IResult> GetAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.read", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        return await registrations.FindAsync(Zone.Default, PathId(http), cancellationToken) is { } found
            ? new Answer(json => ClientDocument.Write(json, found))
            : Bare.NotFound;
    }

    public async Task<IResult> CreateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.write", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;

        // 1. What is registered, without secrets; what they must be is asked before the slow hashes are made.
        var fields = new ClientFields(body.Value);
        string? secret = fields.Text("client_secret"), second = fields.Text("secondary_client_secret");
        var generate = fields.Flag("generate_secret") == true;
        if (fields.Text("client_id") is not { } id) return ClientBody.Invalid(fields.Fault ?? "client_id must be provided");
        if (fields.Fault is { } fault) return ClientBody.Invalid(fault);
        if (generate && (secret ?? second) is not null) return ClientBody.Invalid("generate_secret and client_secret exclude each other");
        if (second is not null && secret is null) return ClientBody.Invalid("secondary_client_secret is given beside client_secret");
        var read = ClientBody.Read(body.Value, New(id, caller.Value));
        if (!read.IsSuccess) return read.Error;
        var client = read.Value with { SecretHash = generate || secret is not null ? ClientSecret.Empty : null };
        if ((rules.Fault(client) ?? CreatorLimits.Fault(caller.Value, client)) is { } refused) return ClientBody.Invalid(refused);
        if (await clients.FindAsync(Zone.Default, id, cancellationToken) is not null) return Exists(id);

        // 2. The secrets. The second one given at the creation is the newest.
        var generated = generate ? ClientSecrets.Generate() : default;
        client = client with { SecretHash = generated.Stored };
        foreach (var chosen in new[] { secret, second }.OfType<string>())
        {
            var stored = await secrets.ChosenAsync(chosen);
            if (!stored.IsSuccess) return stored.Error;
            client = client with { OlderSecretHash = client.SecretHash, SecretHash = stored.Value };
        }

        // 3. The unique key decides.
        if (!await clients.TryAddAsync(client, cancellationToken)) return Exists(id);
        audit.Record(new AuditEvent("client.created") { ClientId = id, Address = http.Connection.RemoteIpAddress, Reason = caller.Value.Caller() });
        var registered = await registrations.FindAsync(Zone.Default, id, cancellationToken) ?? new RegisteredClient(client, time.GetUtcNow());
        return new Answer(json =>
        {
            ClientDocument.Write(json, registered);
            if (generate) json.WriteString("client_secret", generated.Secret); // shown this once
        })
        { Status = 201 };
    }

    public async Task<IResult> UpdateAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.write", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var fields = new ClientFields(body.Value);
        if (fields.Text("client_id") is { } named && named != PathId(http)) return ClientBody.Invalid("The client id of the body is not the one of the path");
        if (fields.Fault is { } fault) return ClientBody.Invalid(fault);
        if (await registrations.FindAsync(Zone.Default, PathId(http), cancellationToken) is not { } stored) return Bare.NotFound;

        // The secret is never changed here (uaa.md §4.2).
        var client = ClientBody.Read(body.Value, stored.Client);
        if (!client.IsSuccess) return client.Error;
        if ((rules.Fault(client.Value) ?? CreatorLimits.Fault(caller.Value, stored.Client) ?? CreatorLimits.Fault(caller.Value, client.Value)) is { } refused)
            return ClientBody.Invalid(refused);
        var ends = EndsTokens(stored.Client, client.Value);
        if (await registrations.TryReplaceAsync(stored, client.Value, ends, cancellationToken) is not { } at) return Changed();
        Record("client.changed", http, caller.Value, ends);
        return new Answer(json => ClientDocument.Write(json, new RegisteredClient(client.Value, at)));
    }

    public async Task<IResult> DeleteAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.write", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        if (await registrations.FindAsync(Zone.Default, PathId(http), cancellationToken) is not { } stored) return Bare.NotFound;
        if (CreatorLimits.Fault(caller.Value, stored.Client) is { } refused) return ClientBody.Invalid(refused);
        if (!await registrations.DeleteAsync(Zone.Default, stored.Client.Id, cancellationToken)) return Bare.NotFound;
        Record("client.deleted", http, caller.Value, null);
        return new Answer(json => ClientDocument.Write(json, stored));
    }

    public static string PathId(HttpContext http) => (string)http.Request.RouteValues["id"]!;

    public static OAuthError Changed() => new(409, "invalid_client", "The client was changed at the same moment. Read it and try again.");

    // What a change takes away must not live on in tokens; a change of texts ends nothing.
    private static string? EndsTokens(Client stored, Client client)
    {
        if (stored.Enabled && !client.Enabled) return "client disabled";
        if (stored.TokenSalt != client.TokenSalt) return "token_salt changed";
        return stored.Authorities.Except(client.Authorities, StringComparer.Ordinal).Any() ? "client lost authorities" : null;
    }

    private static Client New(string id, VerifiedToken caller) => new()
    {
        ZoneId = Zone.Default,
        Id = id,
        Name = id,
        GrantTypes = [],
        Scopes = ["uaa.none"],
        Authorities = ["uaa.none"],
        TokenSalt = Entropy.HexId(),
        Metadata = new ClientMetadata
        {
            Additional = new(StringComparer.Ordinal) { ["created_by"] = JsonSerializer.SerializeToElement(caller.Subject) },
        },
    };

    private static OAuthError Exists(string id) => new(409, "invalid_client", $"Client already exists: {OAuthError.Printable(id)}");

    private void Record(string type, HttpContext http, VerifiedToken caller, string? ends) => audit.Record(new AuditEvent(type)
    {
        ClientId = PathId(http),
        Address = http.Connection.RemoteIpAddress,
        Reason = ends is null ? caller.Caller() : $"{caller.Caller()}; {ends}",
    });
}
