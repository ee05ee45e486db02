using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>The public key in the header of a proof, bound to one algorithm: ES256 or PS256.</summary>
internal sealed class ProofKey : IDisposable
{
    private const int SmallestRsaBits = 2048;
    private const int LargestRsaBits = 8192;
    private static readonly string[] Secret = ["d", "k", "p", "q", "dp", "dq", "qi"];
    private readonly AsymmetricAlgorithm _key;

    private ProofKey(AsymmetricAlgorithm key, string thumbprint) => (_key, Thumbprint) = (key, thumbprint);

    /// <summary>RFC 7638: SHA-256 over the required members in lexical order, without white space.</summary>
    public string Thumbprint { get; }

    /// <summary>The key of a JWK (RFC 7517), or why there is none.</summary>
    public static ProofKey? Of(JsonElement jwk, string algorithm, out string? fault)
    {
        fault = jwk.ValueKind != JsonValueKind.Object ? "the key is no object"
            // A private key that was handed around proves nothing, and a symmetric one is no public key.
            : Secret.Any(name => jwk.TryGetProperty(name, out _)) ? "the key is private or symmetric"
            : jwk.TryGetProperty("use", out _) && Text(jwk, "use") != "sig" ? "the key is not for signatures"
            : jwk.TryGetProperty("alg", out _) && Text(jwk, "alg") != algorithm ? "the key is for another algorithm"
            : null;
        if (fault is not null) return null;
        var key = (Text(jwk, "kty"), algorithm) switch
        {
            ("EC", "ES256") => Ec(jwk),
            ("RSA", "PS256") => Rsa(jwk),
            _ => null,
        };
        if (key is null) fault = "the key does not fit the algorithm";
        return key;
    }

    /// <summary>One length for each key: no padded, cut or DER form counts.</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => _key switch
    {
        ECDsa ec => signature.Length == 64 && ec.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
        RSA rsa => signature.Length == (rsa.KeySize + 7) / 8 && rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        _ => false,
    };

    public void Dispose() => _key.Dispose();

    private static ProofKey? Ec(JsonElement jwk)
    {
        if (Text(jwk, "crv") != "P-256" || Plain(jwk, "x") is not { } x || Plain(jwk, "y") is not { } y) return null;
        var point = new ECPoint { X = Base64Url.DecodeFromChars(x), Y = Base64Url.DecodeFromChars(y) };
        if (point.X.Length != 32 || point.Y.Length != 32) return null;
        return new ProofKey(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point }), Hash($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}"""));
    }

    private static ProofKey? Rsa(JsonElement jwk)
    {
        if (Plain(jwk, "e") is not { } e || Plain(jwk, "n") is not { } n) return null;
        var parameters = new RSAParameters { Modulus = Base64Url.DecodeFromChars(n), Exponent = Base64Url.DecodeFromChars(e) };
        // The size is looked at before the key is made: a huge one costs much before anybody has authenticated.
        if (parameters.Modulus.Length * 8 is < SmallestRsaBits or > LargestRsaBits || parameters.Exponent.Length > 8) return null;
        var rsa = RSA.Create(parameters);
        if (rsa.KeySize >= SmallestRsaBits) return new ProofKey(rsa, Hash($$"""{"e":"{{e}}","kty":"RSA","n":"{{n}}"}"""));
        rsa.Dispose();
        return null;
    }

    private static string Hash(string members) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(members)));

    private static string? Plain(JsonElement jwk, string name) => Text(jwk, name) is { } value && TokenHeader.IsBase64Url(value) ? value : null;

    private static string? Text(JsonElement jwk, string name) =>
        jwk.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
