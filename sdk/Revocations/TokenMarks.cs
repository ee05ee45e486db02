using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;

namespace SecureMesh.Sdk;

/// <summary>By what a token can be revoked, taken from the claims of a verified token once (docs/decisions/0011).</summary>
/// <param name="ZoneId">Claim <c>zid</c>; empty when the token has none.</param>
/// <param name="TokenId">Claim <c>jti</c>.</param>
/// <param name="GrantId">Claim <c>grant_id</c>.</param>
/// <param name="SessionId">Claim <c>sid</c>.</param>
/// <param name="UserId">Claim <c>user_id</c>; null for a client in its own name.</param>
/// <param name="ClientId">Claim <c>client_id</c>; empty when the token has none.</param>
/// <param name="KeyId">The key that signed it (<c>kid</c> of the header); null when nothing is signed.</param>
/// <param name="IssuedAt">Claim <c>iat</c>, in seconds since 1970.</param>
public readonly record struct TokenMarks(
    string ZoneId, string? TokenId, string? GrantId, string? SessionId, string? UserId, string ClientId, string? KeyId, long IssuedAt)
{
    /// <summary>The marks of an access token of the issuer.</summary>
    /// <param name="claims">Its claims: an object, of a token that has been verified.</param>
    /// <param name="keyId"><c>kid</c> of its header; null when it is not signed.</param>
    public static TokenMarks Of(JsonElement claims, string? keyId) =>
        new(Text(claims, "zid") ?? "", Text(claims, "jti"), Text(claims, "grant_id"), Text(claims, "sid"), Text(claims, "user_id"), Text(claims, "client_id") ?? "",
            keyId, Seconds(claims, "iat") ?? 0);

    /// <summary>
    /// The marks that a gateway's passport carries of the credential it was made for: a not-before is compared with
    /// <c>token_iat</c>, and the key is the one that signed the original (<c>token_kid</c>).
    /// </summary>
    /// <param name="claims">Its claims: an object, of a passport that has been verified.</param>
    public static TokenMarks OfPassport(JsonElement claims) =>
        Of(claims, Text(claims, "token_kid")) is var marks && Seconds(claims, "token_iat") is { } issued ? marks with { IssuedAt = issued } : marks;

    /// <summary>The marks of a verified token of either type, told apart by <c>typ</c>.</summary>
    internal static TokenMarks Of(JsonWebToken token)
    {
        var passport = token.Typ == "passport+jwt";
        return new(
            Text(token, "zid") ?? "", Text(token, "jti"), Text(token, "grant_id"), Text(token, "sid"), Text(token, "user_id"), Text(token, "client_id") ?? "",
            passport ? Text(token, "token_kid") : token.Kid, (passport ? Seconds(token, "token_iat") : null) ?? Seconds(token, "iat") ?? 0);
    }

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Seconds(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var seconds) ? seconds : null;

    private static string? Text(JsonWebToken token, string name) => token.TryGetPayloadValue<string>(name, out var value) ? value : null;

    private static long? Seconds(JsonWebToken token, string name) => token.TryGetPayloadValue<long>(name, out var value) ? value : null;
}
