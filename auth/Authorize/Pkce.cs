using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Authorize;

/// <summary>Proof key for code exchange (RFC 7636), method S256 alone: <c>plain</c> protects from nothing that reads the request.</summary>
internal static class Pkce
{
    public const string Method = "S256";

    /// <summary>True for 43 to 128 characters of the unreserved set: the form of verifiers and challenges (§4.1, §4.2).</summary>
    public static bool IsWellFormed(string text) =>
        text.Length is >= 43 and <= 128 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~');

    public static bool Verify(string verifier, string challenge) => CryptographicOperations.FixedTimeEquals(
        Encoding.ASCII.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))), Encoding.ASCII.GetBytes(challenge));
}
