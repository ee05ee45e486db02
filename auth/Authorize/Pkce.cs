using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Authorize;

/// <summary>Proof key for code exchange (RFC 7636), method S256 alone: <c>plain</c> protects from nothing that reads the request.</summary>
internal static class Pkce
{
    public const string Method = "S256";

    /// <summary>True for 43 to 128 characters of the unreserved set: the form of verifiers and challenges (§4.1, §4.2).</summary>
    public static bool IsWellFormed(string text) =>
        text.Length is >= 43 and <= 128 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~');

    /// <summary>Who has no secret of its own proves by PKCE that code and request are its own; no setting takes that away (RFC 9700 §2.1.1).</summary>
    public static bool IsRequired(Client client, TokenOptions options) =>
        client.AllowPublic || client.SecretHash == ClientSecret.Empty || client.Metadata.Profile == "fapi2" || (client.Metadata.RequirePkce ?? options.RequirePkce);

    public static bool Verify(string verifier, string challenge) => CryptographicOperations.FixedTimeEquals(
        Encoding.ASCII.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))), Encoding.ASCII.GetBytes(challenge));
}
