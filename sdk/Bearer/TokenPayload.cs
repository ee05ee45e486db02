using System.Buffers.Text;
using System.Security.Claims;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>What the library leaves open in the payload of a token whose signature is good.</summary>
internal static class TokenPayload
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Refuses claims that stand there twice and what its kind may not say, and makes one claim of each scope.</summary>
    /// <param name="token">A compact token that has been verified.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="identity">The caller as the library reads it.</param>
    /// <returns>Null, or why the token is refused.</returns>
    public static string? Fault(string token, TokenKind kind, ClaimsIdentity identity)
    {
        try
        {
            var start = token.IndexOf('.') + 1;
            // Which of two claims of one name counts is each reader's choice (RFC 7519 §4); here and at the next reader it may differ.
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(start, token.LastIndexOf('.') - start)), Strict);
            if (payload.RootElement.TryGetProperty("scope", out var scope) && scope.ValueKind == JsonValueKind.String) Split(identity);
            return kind.Fault(payload.RootElement);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return "a claim stands in the payload twice, or is no text";
        }
    }

    /// <summary>What keeps a payload from being read: the first of the registered claims that is of another type than RFC 7519 §4.1 gives it.</summary>
    /// <param name="token">A compact token.</param>
    public static string Unreadable(string token)
    {
        try
        {
            var start = token.IndexOf('.') + 1;
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(start, token.LastIndexOf('.') - start)));
            if (payload.RootElement.ValueKind != JsonValueKind.Object) return "the payload is no object";
            bool IsOther(string name, Func<JsonElement, bool> isGood) => payload.RootElement.TryGetProperty(name, out var value) && !isGood(value);
            static bool IsText(JsonElement value) => value.ValueKind == JsonValueKind.String;
            if (IsOther("aud", value => IsText(value) || (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(IsText)))) return "aud is neither a text nor a list of texts";
            foreach (var name in (string[])["iss", "sub", "jti"])
            {
                if (IsOther(name, IsText)) return name + " is no text";
            }
            foreach (var name in (string[])["exp", "nbf", "iat"])
            {
                if (IsOther(name, value => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_799)) return name + " is no number of seconds";
            }
            return "a claim is of another type than its name has";
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return "the payload is no JSON";
        }
    }

    /// <summary>
    /// RFC 9068 §2.2.3 writes scopes as one string with spaces between them, UAA as an array. An element of an array is one
    /// scope as it stands: one with a space in it (RFC 6749 §3.3 allows none) fits no scope that anyone asks for.
    /// </summary>
    private static void Split(ClaimsIdentity identity)
    {
        foreach (var joined in identity.FindAll("scope").Where(claim => claim.Value.Contains(' ', StringComparison.Ordinal)).ToArray())
        {
            identity.RemoveClaim(joined);
            foreach (var scope in joined.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                identity.AddClaim(new Claim("scope", scope, ClaimValueTypes.String, joined.Issuer));
        }
    }
}
