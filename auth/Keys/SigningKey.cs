using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Keys;

/// <summary>A key pair that signs tokens with one algorithm (RFC 7518 §3): ES256 or RS256.</summary>
internal sealed class SigningKey : IDisposable
{
    private const int RsaBits = 3072;
    private readonly byte[] _pkcs8;

    // Instances are not promised to be thread-safe; each signature borrows one.
    private readonly ConcurrentBag<AsymmetricAlgorithm> _idle = [];
    private readonly ConcurrentDictionary<string, byte[]> _headers = new(StringComparer.Ordinal);

    private SigningKey(string algorithm, byte[] pkcs8)
    {
        (Algorithm, _pkcs8) = (algorithm, pkcs8);
        using var key = Import();
        if (key is ECDsa ec)
        {
            Public = new PublicKey(ec.ExportParameters(includePrivateParameters: false).Q);
            SignatureBytes = 64;
        }
        else
        {
            var parameters = ((RSA)key).ExportParameters(includePrivateParameters: false);
            Public = new PublicKey(parameters.Modulus!, parameters.Exponent!);
            SignatureBytes = parameters.Modulus!.Length;
        }
    }

    public string Algorithm { get; }

    /// <summary>What may be shown to anyone.</summary>
    public PublicKey Public { get; }

    public string Kid => Public.Kid;

    public int SignatureBytes { get; }

    public static SigningKey Create(string algorithm)
    {
        using AsymmetricAlgorithm key = algorithm == "ES256" ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(RsaBits);
        return new SigningKey(algorithm, key.ExportPkcs8PrivateKey());
    }

    public static SigningKey FromPkcs8(string algorithm, byte[] pkcs8) => new(algorithm, pkcs8);

    /// <summary>The private key, to be sealed and nothing else.</summary>
    public byte[] ToPkcs8() => (byte[])_pkcs8.Clone();

    /// <summary>The first part of a token of this type, with its dot.</summary>
    public byte[] Header(string typ) => _headers.GetOrAdd(typ, static (typ, key) => Encoding.ASCII.GetBytes(
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes($$"""{"alg":"{{key.Algorithm}}","typ":"{{typ}}","kid":"{{key.Kid}}"}""")) + "."), this);

    /// <summary>Signs over SHA-256; ECDSA as r then s (RFC 7518 §3.4), RSA with PKCS #1 v1.5 (§3.3).</summary>
    public void Sign(ReadOnlySpan<byte> data, Span<byte> signature)
    {
        if (!_idle.TryTake(out var key)) key = Import();
        try
        {
            if (key is ECDsa ec)
            {
                Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
                SHA256.HashData(data, hash);
                ec.SignHash(hash, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            }
            else ((RSA)key).SignData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    private AsymmetricAlgorithm Import()
    {
        AsymmetricAlgorithm key = Algorithm == "ES256" ? ECDsa.Create() : RSA.Create();
        key.ImportPkcs8PrivateKey(_pkcs8, out _);
        return key;
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var key)) key.Dispose();
    }
}
