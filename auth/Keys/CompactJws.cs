using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Keys;

/// <summary>
/// A signed JWT as it came (RFC 7515 §3.1), taken apart strictly before anything expensive happens. Its header selects a key by
/// name and refuses, but nothing in it is believed: <c>jwk</c>, <c>jku</c>, <c>x5u</c> and <c>x5c</c> are not read here.
/// </summary>
internal sealed class CompactJws
{
    public const int Longest = 16 * 1024;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };
    private static readonly SearchValues<char> Characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private readonly string _token;
    private readonly int _signed;

    private CompactJws(string token, int signed, JsonElement header, JsonElement claims) =>
        (_token, _signed, Header, Unverified) = (token, signed, header, claims);

    public JsonElement Header { get; }

    /// <summary>The claims before anybody has looked at the signature: good for finding the key and for nothing else.</summary>
    public JsonElement Unverified { get; }

    public string Algorithm => Header.Text("alg")!;

    public string? Type => Header.Text("typ");

    public string? Kid => Header.Text("kid");

    /// <summary>The parts, or why this is no signed JWT; the reason is for the log.</summary>
    public static Result<CompactJws, string> Read(string token)
    {
        if (token.Length > Longest) return "longer than any token";
        int first = token.IndexOf('.'), last = token.LastIndexOf('.');
        if (first <= 0 || last <= first || !IsCanonical(token.AsSpan(0, first)) || !IsCanonical(token.AsSpan(first + 1, last - first - 1)) || !IsCanonical(token.AsSpan(last + 1)))
            return "not a compact signed token";
        try
        {
            var header = Parse(token.AsSpan(0, first));
            var claims = Parse(token.AsSpan(first + 1, last - first - 1));
            if (header.ValueKind != JsonValueKind.Object || claims.ValueKind != JsonValueKind.Object) return "header or claims are no object";
            if (header.TryGetProperty("crit", out _)) return "critical header members are not understood"; // RFC 7515 §4.1.11
            if (header.TryGetProperty("zip", out _) || header.TryGetProperty("b64", out _) || header.TryGetProperty("enc", out _)) return "compressed, encrypted or unencoded";
            return header.Text("alg") is null ? "no alg" : new CompactJws(token, last, header, claims);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // Names that are no Unicode show up as InvalidOperationException when they are compared.
            return "header or claims cannot be read";
        }
    }

    /// <summary>The claims, once the key has proved them; null when the signature is not that key's.</summary>
    public JsonElement? Verify(VerificationKey key)
    {
        if (Algorithm != key.Algorithm) return null;
        var data = Encoding.ASCII.GetBytes(_token, 0, _signed);
        return key.Verify(data, Base64Url.DecodeFromChars(_token.AsSpan(_signed + 1))) ? Unverified : null;
    }

    /// <summary>Base64url without padding, where the bits that the last character has too many are zero: one value, one spelling.</summary>
    public static bool IsCanonical(ReadOnlySpan<char> part) =>
        part.Length > 0 && part.IndexOfAnyExcept(Characters) < 0 && (part.Length % 4) switch
        {
            0 => true,
            2 => "AQgw".Contains(part[^1], StringComparison.Ordinal),
            3 => "AEIMQUYcgkosw048".Contains(part[^1], StringComparison.Ordinal),
            _ => false,
        };

    private static JsonElement Parse(ReadOnlySpan<char> part) => JsonDocument.Parse(Base64Url.DecodeFromChars(part), Strict).RootElement;
}

/// <summary>Members of JSON objects that others wrote.</summary>
internal static class Members
{
    /// <summary>The text; null when the member is absent, no text, or no Unicode.</summary>
    public static string? Text(this JsonElement json, string name)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String) return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // half of a surrogate pair is JSON but no text
        }
    }

    /// <summary>A time in whole or broken seconds (RFC 7519 §2); null when the member is absent or no time.</summary>
    public static DateTimeOffset? Time(this JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))
            : null;

    public static bool Has(this JsonElement json, string name) => json.TryGetProperty(name, out _);
}
