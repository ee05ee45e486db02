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
