using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace SecureMesh.Auth.Keys;

/// <summary>Signs the claims of every token of this service.</summary>
internal sealed class TokenSigner(KeyRing keys)
{
    /// <summary>A compact JWS (RFC 7515 §3.1) by the active key of the algorithm, which its <c>kid</c> names.</summary>
    /// <param name="typ">Header <c>typ</c>: keeps kinds of tokens apart (RFC 8725 §3.11).</param>
    /// <param name="alg"><c>ES256</c> or <c>RS256</c>.</param>
    /// <param name="claimsJson">The claims, a JSON object in UTF-8.</param>
    public string Sign(string typ, string alg, ReadOnlySpan<byte> claimsJson)
    {
        var key = keys.Active(alg);
        var header = key.Header(typ);
        var signed = header.Length + Base64Url.GetEncodedLength(claimsJson.Length);
        var buffer = ArrayPool<byte>.Shared.Rent(signed + 1 + Base64Url.GetEncodedLength(key.SignatureBytes));
        try
        {
            header.CopyTo(buffer, 0);
            Base64Url.EncodeToUtf8(claimsJson, buffer.AsSpan(header.Length));
            Span<byte> signature = stackalloc byte[key.SignatureBytes];
            key.Sign(buffer.AsSpan(0, signed), signature);
            buffer[signed] = (byte)'.';
            var length = signed + 1 + Base64Url.EncodeToUtf8(signature, buffer.AsSpan(signed + 1));
            return Encoding.ASCII.GetString(buffer, 0, length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
