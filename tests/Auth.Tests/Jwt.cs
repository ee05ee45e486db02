using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Auth.Tests;

/// <summary>JWTs read by hand, so that no test believes the library that it tests.</summary>
internal static class Jwt
{
    public static JsonElement Header(string token) => Part(token, 0);

    public static JsonElement Payload(string token) => Part(token, 1);

    /// <summary>True when the signature is that of one of the published keys, found by <c>kid</c>.</summary>
    public static bool IsSignedBy(string token, JsonElement keySet)
    {
        var kid = Header(token).GetProperty("kid").GetString();
        var jwk = keySet.GetProperty("keys").EnumerateArray().Single(key => key.GetProperty("kid").GetString() == kid);
        var dot = token.LastIndexOf('.');
        var (signed, signature) = (Encoding.ASCII.GetBytes(token[..dot]), Base64Url.DecodeFromChars(token.AsSpan(dot + 1)));
        if (jwk.GetProperty("kty").GetString() == "RSA")
        {
            using var rsa = RSA.Create(new RSAParameters { Modulus = Bytes(jwk, "n"), Exponent = Bytes(jwk, "e") });
            return rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Bytes(jwk, "x"), Y = Bytes(jwk, "y") },
        });
        return key.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    public static string[] Texts(this JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(value => value.GetString()!)];

    private static byte[] Bytes(JsonElement jwk, string name) => Base64Url.DecodeFromChars(jwk.GetProperty(name).GetString());

    private static JsonElement Part(string token, int part) => JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[part])).RootElement;
}
