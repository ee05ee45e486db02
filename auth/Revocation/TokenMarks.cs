using System.Text.Json;

namespace SecureMesh.Auth.Revocation;

/// <summary>By what a token can be revoked, taken from its claims once.</summary>
/// <param name="ZoneId">Claim <c>zid</c>.</param>
/// <param name="TokenId">Claim <c>jti</c>.</param>
/// <param name="GrantId">Claim <c>grant_id</c>.</param>
/// <param name="SessionId">Claim <c>sid</c>.</param>
/// <param name="UserId">Claim <c>user_id</c>; null for a client in its own name.</param>
/// <param name="ClientId">Claim <c>client_id</c>.</param>
/// <param name="Kid">The key that signed it; null when nothing is signed.</param>
/// <param name="IssuedAt">Claim <c>iat</c>, in seconds.</param>
internal readonly record struct TokenMarks(
    string ZoneId, string? TokenId, string? GrantId, string? SessionId, string? UserId, string ClientId, string? Kid, long IssuedAt)
{
    public static TokenMarks Of(JsonElement claims, string? kid) => new(
        Text(claims, "zid") ?? "", Text(claims, "jti"), Text(claims, "grant_id"), Text(claims, "sid"), Text(claims, "user_id"), Text(claims, "client_id") ?? "", kid,
        claims.TryGetProperty("iat", out var iat) && iat.ValueKind == JsonValueKind.Number && iat.TryGetInt64(out var seconds) ? seconds : 0);

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
