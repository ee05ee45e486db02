using System.Text.Json;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary><c>/uaa/oauth/clients/{id}/meta</c> (uaa.md §4.2): how a client is shown; uaac reads it after every other call.</summary>
internal sealed class ClientMetaEndpoint(BearerAuthentication bearer, IClientRegistrations registrations)
{
    private const int LongestText = 255;

    public async Task<IResult> GetAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var id = ClientsEndpoint.PathId(http);
        if (await registrations.FindAsync(Zone.Default, id, cancellationToken) is not { } client) return NotFound(id);
        var meta = await registrations.FindMetaAsync(Zone.Default, id, cancellationToken);
        return new Answer(json => Write(json, id, meta, CreatedBy(client)));
    }

    public async Task<IResult> ListAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAsync(http, cancellationToken: cancellationToken);
        if (!caller.IsSuccess) return caller.Error;
        var all = await registrations.ListMetaAsync(Zone.Default, cancellationToken);
        return new AnswerList(json =>
        {
            foreach (var (id, meta) in all)
            {
                json.WriteStartObject();
                Write(json, id, meta, null);
                json.WriteEndObject();
            }
        });
    }

    public async Task<IResult> PutAsync(HttpContext http, CancellationToken cancellationToken)
    {
        if (ZoneHeaders.Refusal(http.Request) is { } elsewhere) return elsewhere;
        var caller = await bearer.AuthenticateAnyAsync(http, cancellationToken, "clients.write", "clients.admin");
        if (!caller.IsSuccess) return caller.Error;
        var body = await JsonBody.ReadObjectAsync(http.Request, cancellationToken);
        if (!body.IsSuccess) return body.Error;
        var id = ClientsEndpoint.PathId(http);
        var fields = new ClientFields(body.Value);
        if (fields.Text("clientId") is { } named && named != id) return Refused(400, "The client id of the body is not the one of the path");
        string? name = fields.Text("clientName"), url = fields.Text("appLaunchUrl"), icon = fields.Text("appIcon");
        var shown = fields.Flag("showOnHomePage") ?? false;
        if (fields.Fault is { } fault) return Refused(400, fault);
        if (name?.Length > LongestText) return Refused(400, "clientName is too long");
        if (url is not null && RegisteredUris.LinkFault(url) is { } wrong) return Refused(400, $"appLaunchUrl {wrong}");
        if (icon is not null && !Convert.TryFromBase64String(icon, new byte[icon.Length], out _)) return Refused(400, "appIcon must be base64");
        if (await registrations.FindAsync(Zone.Default, id, cancellationToken) is not { } client) return NotFound(id);
        if (CreatorLimits.Fault(caller.Value, client.Client) is { } refused) return Refused(400, refused);

        var meta = JsonSerializer.Serialize(new Dictionary<string, object?> { ["clientName"] = name, ["showOnHomePage"] = shown, ["appLaunchUrl"] = url, ["appIcon"] = icon });
        await registrations.SaveMetaAsync(Zone.Default, id, meta, cancellationToken);
        return new Answer(json => Write(json, id, meta, CreatedBy(client)));
    }

    private static void Write(Utf8JsonWriter json, string id, string? meta, string? createdBy)
    {
        json.WriteString("clientId", id);
        if (meta is null) json.WriteBoolean("showOnHomePage", false);
        else
        {
            using var document = JsonDocument.Parse(meta);
            foreach (var member in document.RootElement.EnumerateObject().Where(member => member.Value.ValueKind != JsonValueKind.Null)) member.WriteTo(json);
        }
        json.WriteString("createdBy", createdBy);
    }

    private static string? CreatedBy(RegisteredClient client) =>
        client.Client.Metadata.Additional?.TryGetValue("created_by", out var by) == true && by.ValueKind == JsonValueKind.String ? by.GetString() : null;

    private static OAuthError NotFound(string id) => Refused(404, $"No existing metadata found for client {id}");

    private static OAuthError Refused(int status, string message) => new(status, "client_metadata", OAuthError.Printable(message)) { AsScim = true };
}
