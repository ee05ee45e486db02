using System.Text;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// <c>client_secret_basic</c>: id and secret are form-encoded before base64 (RFC 6749 §2.3.1), which cf, curl and
/// many others leave out; the text is therefore read both ways unless the client says which (UAA's <c>X-CF-ENCODED-CREDENTIALS</c>).
/// </summary>
internal sealed class BasicAuthentication : ISecretAuthentication
{
    private const string Scheme = "Basic ";
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    public string Method => "client_secret_basic";

    public Result<IReadOnlyList<ClientCredential>, OAuthError>? Read(HttpRequest request, Parameters form)
    {
        var headers = request.Headers.Authorization;
        if (headers.Count == 0) return null;
        if (headers.Count > 1) return OAuthError.InvalidRequest("More than one Authorization header");
        var header = headers.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return null;
        if (Pair(header[Scheme.Length..]) is not { } text) return OAuthError.BadCredentials("the Basic header cannot be read");
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return OAuthError.BadCredentials("the Basic header has no colon");

        var (rawId, rawSecret) = (text[..colon], text[(colon + 1)..]);
        var encoded = Encoded(request);
        if (FormBody.Decode(rawId) is not { } id || FormBody.Decode(rawSecret) is not { } secret)
            return encoded ? OAuthError.BadCredentials("the Basic header is not form-encoded") : new[] { new ClientCredential(rawId, rawSecret) };
        if (encoded || (id == rawId && secret == rawSecret)) return new[] { new ClientCredential(id, secret) };
        return id == rawId
            ? new[] { new ClientCredential(id, secret, rawSecret) }
            : new[] { new ClientCredential(id, secret), new ClientCredential(rawId, rawSecret) };
    }

    private static bool Encoded(HttpRequest request) =>
        request.Headers.TryGetValue("X-CF-ENCODED-CREDENTIALS", out var says) && says.ToString().Equals("true", StringComparison.OrdinalIgnoreCase);

    private static string? Pair(string base64)
    {
        // Convert skips white space, which RFC 7617 does not know.
        if (base64.AsSpan().ContainsAny(" \t\r\n")) return null;
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out var length)) return null;
        try
        {
            var text = Utf8.GetString(bytes, 0, length);
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
