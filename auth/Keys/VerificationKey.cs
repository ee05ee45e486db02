using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Keys;

/// <summary>A public key bound to one algorithm: what a token's header says never chooses another (RFC 8725 §3.1).</summary>
internal sealed class VerificationKey
{
    private const int SmallestRsaBits = 2048;
    private const int LargestRsaBits = 8192;

    // Instances are not promised to be thread-safe; each verification borrows one.
    private readonly ConcurrentBag<AsymmetricAlgorithm> _idle = [];
    private readonly Func<AsymmetricAlgorithm> _create;
    private readonly int _signatureBytes;

    private VerificationKey(string algorithm, Func<AsymmetricAlgorithm> create)
    {
        (Algorithm, _create) = (algorithm, create);
        var first = create(); // throws for what is no key
        _signatureBytes = first is RSA rsa ? (rsa.KeySize + 7) / 8 : 64;
        _idle.Add(first);
    }

    public string Algorithm { get; }

    public static VerificationKey Ec(ECPoint point) =>
        new("ES256", () => ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point }));

    public static VerificationKey Rsa(RSAParameters parameters, string algorithm) => new(algorithm, () => RSA.Create(parameters));

    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        // One length for each key: no padded, cut or DER form counts.
        if (signature.Length != _signatureBytes) return false;
        if (!_idle.TryTake(out var key)) key = _create();
        try
        {
            return key switch
            {
                ECDsa ec => ec.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
                RSA rsa => rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, Algorithm == "PS256" ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1),
                _ => false,
            };
        }
        finally
        {
            _idle.Add(key);
        }
    }

    /// <summary>The key of a JWK (RFC 7517) for one algorithm: ES256, RS256 or PS256; or why there is none.</summary>
    public static Result<VerificationKey, string> FromJwk(JsonElement jwk, string algorithm)
    {
        if (jwk.ValueKind != JsonValueKind.Object) return "the key is no object";
        // A private key that was handed around proves nothing, and a symmetric one is no public key.
        if (jwk.Has("d") || jwk.Has("k") || jwk.Has("p") || jwk.Has("q")) return "the key is private or symmetric";
        if (jwk.Has("use") && jwk.Text("use") != "sig") return "the key is not for signatures";
        if (jwk.Has("alg") && jwk.Text("alg") != algorithm) return "the key is for another algorithm";
        try
        {
            return (jwk.Text("kty"), algorithm) switch
            {
                ("EC", "ES256") when jwk.Text("crv") == "P-256" => Ec(new ECPoint { X = Bytes(jwk, "x", 32), Y = Bytes(jwk, "y", 32) }),
                ("RSA", "RS256" or "PS256") => Rsa(jwk, algorithm),
                _ => "the key does not fit the algorithm",
            };
        }
        catch (Exception e) when (e is FormatException or CryptographicException or ArgumentException)
        {
            return "not a valid public key";
        }
    }

    /// <summary>RFC 7638: SHA-256 over the required members in lexical order, without white space; null when one is missing.</summary>
    public static string? Thumbprint(JsonElement jwk)
    {
        var text = jwk.Text("kty") switch
        {
            "EC" when jwk.Text("crv") == "P-256" && Plain(jwk, "x") is { } x && Plain(jwk, "y") is { } y => $$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""",
            "RSA" when Plain(jwk, "e") is { } e && Plain(jwk, "n") is { } n => $$"""{"e":"{{e}}","kty":"RSA","n":"{{n}}"}""",
            _ => null,
        };
        return text is null ? null : Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(text)));
    }

    private static string? Plain(JsonElement jwk, string name) => jwk.Text(name) is { } value && CompactJws.IsCanonical(value) ? value : null;

    private static Result<VerificationKey, string> Rsa(JsonElement jwk, string algorithm)
    {
        var parameters = new RSAParameters { Modulus = Bytes(jwk, "n"), Exponent = Bytes(jwk, "e") };
        // The size is looked at before the key is made: a huge one costs much before anybody has authenticated.
        if (parameters.Modulus.Length * 8 is < SmallestRsaBits or > LargestRsaBits || parameters.Exponent.Length > 8) return $"RSA keys must have {SmallestRsaBits} to {LargestRsaBits} bits";
        using var key = RSA.Create(parameters);
        return key.KeySize < SmallestRsaBits ? $"RSA keys must have {SmallestRsaBits} to {LargestRsaBits} bits" : Rsa(parameters, algorithm);
    }

    private static byte[] Bytes(JsonElement jwk, string name, int length = 0)
    {
        if (Plain(jwk, name) is not { } text) throw new FormatException(name);
        var bytes = Base64Url.DecodeFromChars(text);
        return length == 0 || bytes.Length == length ? bytes : throw new FormatException(name);
    }
}
