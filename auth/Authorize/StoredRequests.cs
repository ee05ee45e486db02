using System.Buffers;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Authorize;

/// <summary>A request under way as stored.</summary>
internal sealed record StoredTransaction
{
    public required string Hash { get; init; }
    public required string ClientId { get; init; }

    /// <summary>Null until the browser has come back from another site's form.</summary>
    public string? BrowserHash { get; init; }

    public required Parameters Parameters { get; init; }
    public string? PushedHash { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public string? AuthenticatedSession { get; init; }
    public string? ConsentedUser { get; init; }
    public IReadOnlyList<string> ConsentedScopes { get; init; } = [];
    public bool Denied { get; init; }
}

/// <summary>The requests under way at browsers. All but adding demand the browser's hash, and change nothing that is completed or ended.</summary>
internal interface ITransactionStore
{
    Task AddAsync(StoredTransaction transaction, CancellationToken cancellationToken);

    /// <summary>The live transaction, whosever it is.</summary>
    Task<StoredTransaction?> FindAsync(string hash, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Gives a transaction without a browser to this one; at most one succeeds.</summary>
    Task<bool> TryClaimAsync(string hash, string browserHash, DateTimeOffset now, CancellationToken cancellationToken);

    Task<bool> AuthenticatedAsync(string hash, string browserHash, string sessionId, DateTimeOffset now, CancellationToken cancellationToken);

    Task<bool> ConsentedAsync(string hash, string browserHash, string userId, IReadOnlyList<string> scopes, DateTimeOffset now, CancellationToken cancellationToken);

    Task<bool> DeniedAsync(string hash, string browserHash, DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>A pushed request as stored (RFC 9126).</summary>
internal sealed record PushedRequest(string ClientId, Parameters Parameters, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

/// <summary>The pushed requests; completing one is part of storing its answer.</summary>
internal interface IPushedRequests
{
    Task AddAsync(string hash, PushedRequest request, CancellationToken cancellationToken);

    /// <summary>The request, unless it was completed or has ended.</summary>
    Task<PushedRequest?> FindAsync(string hash, DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>Parameters as the database keeps them: a JSON object of arrays.</summary>
internal static class StoredParameters
{
    // Anybody may begin a request: what nobody reads takes no room, and what proves an identity is used at once and never kept.
    private static readonly string[] Kept =
    [
        "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "resource", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt",
        "prompt", "max_age", "claims", "id_token_hint", "token_format", "login_hint", "ui_locales", "claims_locales", "acr_values", "display",
    ];

    /// <summary>What is longer is no request of a client; those that are not named here have limits of their own.</summary>
    public static IReadOnlyDictionary<string, int> Longest { get; } = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["response_type"] = 2048,
        ["prompt"] = 2048,
        ["max_age"] = 2048,
        ["login_hint"] = 2048,
        ["ui_locales"] = 2048,
        ["claims_locales"] = 2048,
        ["acr_values"] = 2048,
        ["display"] = 2048,
        ["claims"] = 8192,
        ["id_token_hint"] = 16_384,
    };

    public static string Write(Parameters parameters)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var group in parameters.Pairs.Where(pair => Kept.Contains(pair.Name, StringComparer.Ordinal)).GroupBy(pair => pair.Name, StringComparer.Ordinal))
            {
                json.WriteStartArray(group.Key);
                foreach (var (_, value) in group) json.WriteStringValue(value);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static Parameters Read(string text)
    {
        using var json = JsonDocument.Parse(text);
        var parameters = new Parameters();
        foreach (var parameter in json.RootElement.EnumerateObject())
            foreach (var value in parameter.Value.EnumerateArray()) parameters.Add(parameter.Name, value.GetString()!);
        return parameters;
    }
}
