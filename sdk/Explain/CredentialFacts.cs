using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Sdk;

/// <summary>
/// What a credential says of itself: its form and those claims that are no secrets. Unless the check got past its key, none of it
/// is verified. Nothing of its signature, and of a credential that is no JWT nothing but its length, is in here.
/// </summary>
public sealed record CredentialFacts
{
    private const int LongestToken = 16 * 1024;
    private const int MostItems = 32;
    private static readonly JsonDocumentOptions Bounded = new() { MaxDepth = 16 };

    /// <summary><c>jwt</c>, <c>opaque</c>, <c>api-token</c>, <c>basic</c>, <c>other</c> (of another scheme), or <c>unreadable</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>How it was shown: <c>Bearer</c>, <c>DPoP</c>, <c>Basic</c>; null for something else.</summary>
    public string? Scheme { get; init; }

    /// <summary>Characters after the scheme.</summary>
    public int Length { get; init; }

    /// <summary>True when its claims were vouched for by whoever issued it.</summary>
    public bool Verified { get; init; }

    /// <summary>Header member <c>typ</c>.</summary>
    public string? Typ { get; init; }

    /// <summary>Header member <c>alg</c>.</summary>
    public string? Alg { get; init; }

    /// <summary>Header member <c>kid</c>.</summary>
    public string? Kid { get; init; }

    /// <summary>Claim <c>iss</c>.</summary>
    public string? Issuer { get; init; }

    /// <summary>The issuer that is expected here.</summary>
    public string? IssuerExpected { get; init; }

    /// <summary>Claim <c>aud</c>.</summary>
    public IReadOnlyList<string>? Audience { get; init; }

    /// <summary>The audiences of which one is expected here.</summary>
    public IReadOnlyList<string>? AudienceExpected { get; init; }

    /// <summary>Claim <c>iat</c>.</summary>
    [JsonConverter(typeof(UtcSecondsConverter))]
    public DateTimeOffset? IssuedAt { get; init; }

    /// <summary>Claim <c>nbf</c>.</summary>
    [JsonConverter(typeof(UtcSecondsConverter))]
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Claim <c>exp</c>.</summary>
    [JsonConverter(typeof(UtcSecondsConverter))]
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Claim <c>jti</c>.</summary>
    public string? TokenId { get; init; }

    /// <summary>Claim <c>sub</c>.</summary>
    public string? Subject { get; init; }

    /// <summary>Claim <c>client_id</c>.</summary>
    public string? ClientId { get; init; }

    /// <summary>Claim <c>scope</c>.</summary>
    public IReadOnlyList<string>? Scopes { get; init; }

    /// <summary>The kind of key it is bound to (RFC 7800): <c>jkt</c> or <c>x5t#S256</c>; null for a bearer credential.</summary>
    public string? BoundTo { get; init; }

    /// <summary>What a compact JWT says of itself; null when the text is none that can be read.</summary>
    /// <param name="scheme">How it was shown.</param>
    /// <param name="token">The text after the scheme.</param>
    public static CredentialFacts? OfJwt(string? scheme, string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (token.Length > LongestToken || token.AsSpan().Count('.') != 2) return null;
        int first = token.IndexOf('.', StringComparison.Ordinal), last = token.LastIndexOf('.');
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(0, first)), Bounded);
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(first + 1, last - first - 1)), Bounded);
            if (header.RootElement.ValueKind != JsonValueKind.Object || payload.RootElement.ValueKind != JsonValueKind.Object) return null;
            var head = header.RootElement;
            return Of("jwt", scheme, token.Length, payload.RootElement) with { Typ = Text(head, "typ"), Alg = Text(head, "alg"), Kid = Text(head, "kid") };
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>What the claims of a credential say.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="scheme">How it was shown.</param>
    /// <param name="length">Characters after the scheme.</param>
    /// <param name="claims">An object.</param>
    public static CredentialFacts Of(string kind, string? scheme, int length, JsonElement claims) => new()
    {
        Kind = kind,
        Scheme = scheme,
        Length = length,
        Issuer = Text(claims, "iss"),
        Audience = Texts(claims, "aud"),
        IssuedAt = Time(claims, "iat"),
        NotBefore = Time(claims, "nbf"),
        ExpiresAt = Time(claims, "exp"),
        TokenId = Text(claims, "jti"),
        Subject = Text(claims, "sub"),
        ClientId = Text(claims, "client_id"),
        Scopes = Scope(claims),
        BoundTo = Bound(claims),
    };

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? PlainWords.Of(value.GetString()!) : null;

    private static IReadOnlyList<string>? Texts(JsonElement json, string name) => !json.TryGetProperty(name, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.String => [PlainWords.Of(value.GetString()!)],
        JsonValueKind.Array => [.. value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Take(MostItems).Select(item => PlainWords.Of(item.GetString()!))],
        _ => null,
    };

    /// <summary>An array as UAA writes it, or words as RFC 9068 §2.2.3 has them.</summary>
    private static IReadOnlyList<string>? Scope(JsonElement claims) =>
        claims.TryGetProperty("scope", out var scope) && scope.ValueKind == JsonValueKind.String
            ? [.. scope.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MostItems).Select(word => PlainWords.Of(word))]
            : Texts(claims, "scope");

    private static DateTimeOffset? Time(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
            : null;

    private static string? Bound(JsonElement claims) => !claims.TryGetProperty("cnf", out var cnf) ? null
        : cnf.ValueKind != JsonValueKind.Object ? "unknown"
        : cnf.TryGetProperty("jkt", out _) ? "jkt"
        : cnf.TryGetProperty("x5t#S256", out _) ? "x5t#S256"
        : "unknown";
}
