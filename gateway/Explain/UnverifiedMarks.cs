using System.Buffers.Text;
using System.Text.Json;
using SecureMesh.Gateway.Access;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Explain;

/// <summary>By what a token says that it can be revoked; to be asked only of one that was refused as revoked, so its signature was good.</summary>
internal static class UnverifiedMarks
{
    public static TokenMarks? Of(string token)
    {
        int first = token.IndexOf('.', StringComparison.Ordinal), last = token.LastIndexOf('.');
        if (first <= 0 || last <= first) return null;
        try
        {
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(0, first)));
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.AsSpan(first + 1, last - first - 1)));
            var claims = payload.RootElement;
            return new TokenMarks(
                Caller.Text(claims, "zid") ?? "", Caller.Text(claims, "jti"), Caller.Text(claims, "grant_id"), Caller.Text(claims, "sid"), Caller.Text(claims, "user_id"),
                Caller.Text(claims, "client_id") ?? "", Caller.Text(header.RootElement, "kid"), Caller.Seconds(claims, "iat") ?? 0);
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
