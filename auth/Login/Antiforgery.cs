using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Sessions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Login;

/// <summary>
/// Proof that a form comes from a page of ours at this very browser: a keyed hash over a cookie of the browser and over what the
/// page was about (purpose, session, transaction). Forms of one purpose, person or transaction are worth nothing for another (T-15).
/// </summary>
internal sealed class Antiforgery(SealingKey sealing)
{
    /// <summary>The field, under UAA's name.</summary>
    public const string Field = "X-Uaa-Csrf";

    private const int NonceBytes = 16;
    private static readonly BrowserCookie Cookie = new("sm-form");
    private byte[]? _key;

    public string Token(HttpContext http, params ReadOnlySpan<string?> about)
    {
        var secret = Cookie.Read(http.Request) ?? Cookie.Set(http.Response);
        var nonce = Entropy.Bytes(NonceBytes);
        return Base64Url.EncodeToString([.. nonce, .. Mac(secret, nonce, about)]);
    }

    public bool IsGood(HttpContext http, string? token, params ReadOnlySpan<string?> about)
    {
        if (token is not { Length: 64 } || !CompactJws.IsCanonical(token) || Cookie.Read(http.Request) is not { } secret) return false;
        var bytes = new byte[NonceBytes + 32];
        return Base64Url.TryDecodeFromChars(token, bytes, out var length) && length == bytes.Length
            && CryptographicOperations.FixedTimeEquals(bytes.AsSpan(NonceBytes), Mac(secret, bytes.AsSpan(0, NonceBytes), about));
    }

    private byte[] Mac(string secret, ReadOnlySpan<byte> nonce, ReadOnlySpan<string?> about)
    {
        var text = new StringBuilder(secret);
        foreach (var part in about) text.Append('\n').Append(part?.Length ?? 0).Append(':').Append(part);
        byte[] data = [.. nonce, .. Encoding.UTF8.GetBytes(text.ToString())];
        return HMACSHA256.HashData(_key ??= sealing.Derive("forms"), data);
    }
}
