using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;

namespace SecureMesh.Sdk.Tests.Bearer;

/// <summary>Tokens that must not be believed.</summary>
internal static class Forge
{
    public static string Encode(object json) => Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(json));

    public static string Unsigned(TestIssuer issuer, string? alg, string signature = "")
    {
        var header = new Dictionary<string, object> { ["typ"] = "at+jwt", ["kid"] = issuer.Key.Kid };
        if (alg is not null) header["alg"] = alg;
        return Encode(header) + "." + Encode(issuer.Claims(("scope", new[] { "ui" }))) + "." + signature;
    }

    public static string Hmac(TestIssuer issuer, byte[] secret, string alg = "HS256")
    {
        var input = Encode(new Dictionary<string, object> { ["alg"] = alg, ["typ"] = "at+jwt", ["kid"] = issuer.Key.Kid })
            + "." + Encode(issuer.Claims(("scope", new[] { "ui" })));
        return input + "." + Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(input)));
    }

    /// <summary>Every text of the public key that has served as an HMAC secret somewhere.</summary>
    public static IEnumerable<byte[]> PublicKeyTexts(SigningKey key)
    {
        var pem = key.EC.ExportSubjectPublicKeyInfoPem();
        yield return Encoding.ASCII.GetBytes(pem);
        yield return Encoding.ASCII.GetBytes(pem.Trim() + "\n");
        yield return Encoding.ASCII.GetBytes(" " + pem);
        yield return Encoding.ASCII.GetBytes(pem.ReplaceLineEndings(""));
        yield return key.EC.ExportSubjectPublicKeyInfo();
        yield return JsonSerializer.SerializeToUtf8Bytes(key.Public);
        yield return Base64UrlEncoder.DecodeBytes(key.X);
        yield return Encoding.ASCII.GetBytes(key.X);
        yield return [];
    }

    public static string Sign(TestIssuer issuer, SigningKey key, Dictionary<string, object> header, string typ = "at+jwt") =>
        TestIssuer.Sign(key, issuer.Claims(("scope", new[] { "ui" })), typ, header);

    public static string WithSignature(string token, byte[] signature) =>
        token[..(token.LastIndexOf('.') + 1)] + Base64UrlEncoder.Encode(signature);

    public static byte[] SignatureOf(string token) => Base64UrlEncoder.DecodeBytes(token[(token.LastIndexOf('.') + 1)..]);
}
