using System.Buffers.Text;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>
/// The header of a compact JWS, read strictly before anything expensive happens. It is a claim of the sender: it selects a
/// key by name and rejects, but nothing in it is believed (no <c>jwk</c>, <c>jku</c>, <c>x5u</c>, <c>x5c</c>; RFC 8725 §3).
/// </summary>
internal sealed record TokenHeader(string Type, string Algorithm, string Kid)
{
    private const int LongestKid = 256;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>Exactly three non-empty parts of base64url without padding; so neither JWE nor the JSON serialization.</summary>
    public static bool IsCompact(ReadOnlySpan<char> token)
    {
        int first = token.IndexOf('.'), last = token.LastIndexOf('.');
        return first > 0 && last > first
            && IsBase64Url(token[..first]) && IsBase64Url(token[(first + 1)..last]) && IsBase64Url(token[(last + 1)..]);
    }

    /// <summary>Canonical: the bits that the last character has too many are zero, so that one value has one spelling.</summary>
    public static bool IsBase64Url(ReadOnlySpan<char> part) =>
        part.Length > 0 && part.IndexOfAnyExcept(Characters) < 0 && (part.Length % 4) switch
        {
            0 => true,
            2 => "AQgw".Contains(part[^1], StringComparison.Ordinal),
            3 => "AEIMQUYcgkosw048".Contains(part[^1], StringComparison.Ordinal),
            _ => false,
        };

    private static readonly System.Buffers.SearchValues<char> Characters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <param name="token">The token.</param>
    /// <param name="refusal">Why it is neither an access token nor a passport of ours, for the log; null when it may be one.</param>
    public static TokenHeader? Read(string token, out string? refusal) => Read(token, IsOurs, "typ is neither at+jwt nor passport+jwt", out refusal);

    /// <param name="token">The token.</param>
    /// <param name="isTaken">Whether tokens of this <c>typ</c> are.</param>
    /// <param name="otherType">What is said of those that are not.</param>
    /// <param name="refusal">Why it is no such token, for the log; null when it may be one.</param>
    public static TokenHeader? Read(string token, Func<string?, bool> isTaken, string otherType, out string? refusal)
    {
        refusal = null;
        if (!IsCompact(token))
        {
            refusal = "not a compact signed token";
            return null;
        }
        try
        {
            using var json = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(0, token.IndexOf('.'))), Strict);
            var header = json.RootElement;
            refusal = header.ValueKind != JsonValueKind.Object ? "the header is no object"
                // JA-02: an ID token says JWT, a logout token logout+jwt; neither opens anything here.
                : !isTaken(Text(header, "typ")) ? otherType
                : Text(header, "alg") is not ("ES256" or "RS256") ? "alg is neither ES256 nor RS256"
                : header.TryGetProperty("crit", out _) ? "critical header members are not understood" // RFC 7515 §4.1.11
                : header.TryGetProperty("zip", out _) || header.TryGetProperty("b64", out _) ? "compressed or unencoded payload"
                : Text(header, "kid") is not { Length: > 0 and <= LongestKid } ? "no kid"
                : null;
            return refusal is null ? new TokenHeader(Text(header, "typ")!, Text(header, "alg")!, Text(header, "kid")!) : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            refusal = "the header cannot be read";
            return null;
        }
    }

    private static bool IsOurs(string? type) => type is "at+jwt" or "passport+jwt";

    private static string? Text(JsonElement header, string name) =>
        header.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
