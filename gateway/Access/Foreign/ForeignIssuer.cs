using System.Buffers;
using System.Text.Json;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access.Foreign;

/// <summary>What of an issuer's tokens is let into the mesh; a section of <c>gateway:issuers</c>.</summary>
/// <param name="Trusted">Who it is and how its tokens are checked.</param>
/// <param name="Prefix">Put before every name that it gives, so that none of them is ever one of the mesh's.</param>
internal sealed record ForeignIssuer(OutsideIssuer Trusted, string Prefix)
{
    /// <summary>RFC 9068 §2.2 says client_id; others wrote azp, appid or cid before it.</summary>
    private static readonly string[] _clients = ["client_id", "azp", "appid", "cid"];

    /// <summary>The claim that holds what its tokens allow.</summary>
    public string ScopeClaim { get; init; } = "scope";

    /// <summary>The only scopes that its tokens may carry into the mesh.</summary>
    public IReadOnlySet<string> Scopes { get; init; } = new HashSet<string>();

    /// <summary>What the issuer calls them, where it calls them otherwise.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Map { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Why the mesh cannot go on with a token of theirs although it is genuine; null when it can.</summary>
    public static string? Fault(JsonElement foreign) =>
        Caller.Text(foreign, "sub") is not { Length: > 0 } ? "the token names no subject: sub is missing, empty or no text"
        : Client(foreign) is null ? $"the token names no client: none of {string.Join(", ", _clients)} is a text"
        : Moment(foreign, "exp") is null ? "exp is no number of seconds"
        : null;

    /// <summary>
    /// The claims that the mesh goes on with: written anew, so that nothing passes by being called something that means something
    /// here. No user_id and no user_name: these name users of the mesh alone.
    /// </summary>
    /// <param name="foreign">The claims of a token that has been verified, and in which there is no <see cref="Fault"/>.</param>
    public JsonElement Claims(JsonElement foreign)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("iss", Trusted.Issuer);
            json.WriteString("sub", Prefix + Caller.Text(foreign, "sub"));
            json.WriteString("client_id", Prefix + Client(foreign));
            json.WriteString("zid", Prefix);
            if (Caller.Text(foreign, "jti") is { } id) json.WriteString("jti", Prefix + id);
            if (Moment(foreign, "iat") is { } issued) json.WriteNumber("iat", issued);
            json.WriteNumber("exp", Moment(foreign, "exp")!.Value);
            json.WriteStartArray("scope");
            foreach (var scope in Caller.Words(foreign, ScopeClaim).SelectMany(Named).Where(Scopes.Contains).Distinct(StringComparer.Ordinal)) json.WriteStringValue(scope);
            json.WriteEndArray();
            if (foreign.TryGetProperty("cnf", out var bound))
            {
                json.WritePropertyName("cnf");
                bound.WriteTo(json);
            }
            json.WriteEndObject();
        }
        return JsonDocument.Parse(body.WrittenMemory.ToArray()).RootElement;
    }

    private IEnumerable<string> Named(string scope) => Map.TryGetValue(scope, out var names) ? names : [scope];

    /// <summary>A NumericDate, which may have a fraction (RFC 7519 §2); the mesh counts whole seconds, and none that is not over.</summary>
    private static long? Moment(JsonElement foreign, string name) =>
        Caller.Seconds(foreign, name) is { } whole ? whole
        : foreign.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_799 ? (long)seconds
        : null;

    private static string? Client(JsonElement foreign)
    {
        foreach (var name in _clients)
        {
            if (Caller.Text(foreign, name) is { Length: > 0 } client) return client;
        }
        return null;
    }
}
