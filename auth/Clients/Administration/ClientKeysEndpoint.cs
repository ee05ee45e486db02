using System.Text.Json;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary><c>PUT /uaa/oauth/clients/{id}/clientjwt</c> (uaa.md §4.4): the keys by which a client signs its assertions.</summary>
internal sealed class ClientKeysEndpoint(BearerAuthentication bearer, IClientRegistrations registrations, ClientRules rules, IAudit audit)
{
    private static readonly string[] Federated = ["iss", "sub", "aud"];

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.trust", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var fields = new ClientFields(body.Value);
        var id = ClientsEndpoint.PathId(http);
        string? uri = fields.Text("jwks_uri"), kid = fields.Text("kid"), mode = fields.Text("changeMode")?.ToUpperInvariant() ?? "ADD";
        if (fields.Text("client_id") is { } named && named != id) return ClientBody.Invalid("The client id of the body is not the one of the path");
        if (fields.Fault is { } fault) return ClientBody.Invalid(fault);
        if (mode is not ("ADD" or "UPDATE" or "DELETE")) return ClientBody.Invalid("changeMode must be ADD, UPDATE or DELETE");
        if (Federated.Any(fields.Has)) return ClientBody.Invalid("Keys of another issuer are not supported");
        if (!caller.Value.HoldsAny("clients.admin") && id != caller.Value.Client.Id) return ClientBody.Invalid("Bad request. Not permitted to change another client's keys");
        if (await registrations.FindAsync(Zone.Default, id, cancellationToken) is not { } stored) return Bare.NotFound;

        var keys = Keys(body.Value);
        if (!keys.IsSuccess) return keys.Error;
        var metadata = mode == "DELETE" ? Without(stored.Client.Metadata, uri, kid) : With(stored.Client.Metadata, uri, keys.Value.ValueKind == JsonValueKind.Undefined ? null : keys.Value, mode);
        if (!metadata.IsSuccess) return metadata.Error;
        var client = stored.Client with { Metadata = metadata.Value };
        if (rules.Fault(client) is { } refused) return ClientBody.Invalid(refused);
        if (await registrations.TryReplaceAsync(stored, client, null, cancellationToken) is null) return ClientsEndpoint.Changed();
        audit.Record(new AuditEvent("client.keys.changed") { ClientId = id, Address = http.Connection.RemoteIpAddress, Reason = $"{mode.ToLowerInvariant()} {caller.Value.Caller()}" });
        return new Answer(json =>
        {
            json.WriteString("status", "ok");
            json.WriteString("message", mode switch
            {
                "DELETE" => "Client jwt configuration is deleted",
                "UPDATE" => "Client jwt configuration updated",
                _ => "Client jwt configuration is added",
            });
        });
    }

    // jwks as an object or as text; a single key is a set of one.
    private static Result<JsonElement, OAuthError> Keys(JsonElement body)
    {
        if (!body.TryGetProperty("jwks", out var jwks) || jwks.ValueKind == JsonValueKind.Null) return default(JsonElement);
        try
        {
            if (jwks.ValueKind == JsonValueKind.String)
                jwks = JsonDocument.Parse(jwks.GetString()!, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 16 }).RootElement;
        }
        catch (JsonException)
        {
            return ClientBody.Invalid("jwks must be JSON");
        }
        return jwks.ValueKind == JsonValueKind.Object && jwks.TryGetProperty("kty", out _) ? JsonSerializer.SerializeToElement(new { keys = new[] { jwks } }) : jwks;
    }

    private static Result<ClientMetadata, OAuthError> With(ClientMetadata stored, string? uri, JsonElement? keys, string mode)
    {
        if (uri is null == keys is null) return ClientBody.Invalid("Either jwks_uri or jwks must be given");
        if (uri is not null) return stored with { JwksUri = uri, Jwks = null };
        if (mode == "UPDATE" || stored.Jwks is not { } old) return stored with { JwksUri = null, Jwks = keys };
        if (KeySetRules.Fault(keys!.Value) is { } fault) return ClientBody.Invalid(fault);
        // A key of the same name is replaced.
        var added = keys.Value.GetProperty("keys").EnumerateArray().ToArray();
        var kept = old.GetProperty("keys").EnumerateArray().Where(key => !added.Any(other => Kid(other) == Kid(key)));
        return stored with { Jwks = JsonSerializer.SerializeToElement(new { keys = kept.Concat(added) }) };
    }

    private static Result<ClientMetadata, OAuthError> Without(ClientMetadata stored, string? uri, string? kid)
    {
        // uaac always sends the asterisk, also beside a kid that is meant alone.
        if (kid is not null && stored.Jwks is { } jwks)
        {
            var kept = jwks.GetProperty("keys").EnumerateArray().Where(key => Kid(key) != kid).ToArray();
            return stored with { Jwks = kept.Length == 0 ? null : JsonSerializer.SerializeToElement(new { keys = kept }) };
        }
        if (uri == "*" || (uri is not null && uri == stored.JwksUri)) return stored with { JwksUri = null, Jwks = null };
        return ClientBody.Invalid("There is no such key");
    }

    private static string? Kid(JsonElement key) => key.TryGetProperty("kid", out var kid) && kid.ValueKind == JsonValueKind.String ? kid.GetString() : null;
}
