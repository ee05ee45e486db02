using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Auth.Keys;

/// <summary>An ES256 key pair that signs tokens (RFC 7518 §3.4).</summary>
internal sealed class SigningKey : IDisposable
{
    private readonly byte[] _pkcs8;

    // ECDsa instances are not promised to be thread-safe; each signature borrows one.
    private readonly ConcurrentBag<ECDsa> _idle = [];

    private SigningKey(byte[] pkcs8)
    {
        _pkcs8 = pkcs8;
        using var key = Import(pkcs8);
        Public = new PublicKey(key.ExportParameters(includePrivateParameters: false).Q);
    }

    /// <summary>What may be shown to anyone.</summary>
    public PublicKey Public { get; }

    public string Kid => Public.Kid;

    public static SigningKey Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new SigningKey(key.ExportPkcs8PrivateKey());
    }

    public static SigningKey FromPkcs8(byte[] pkcs8) => new(pkcs8);

    /// <summary>The private key, to be sealed and nothing else.</summary>
    public byte[] ToPkcs8() => (byte[])_pkcs8.Clone();

    /// <summary>Signs with ECDSA over SHA-256; 64 bytes, r then s.</summary>
    public void Sign(ReadOnlySpan<byte> data, Span<byte> signature)
    {
        if (!_idle.TryTake(out var key)) key = Import(_pkcs8);
        try
        {
            key.SignData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    private static ECDsa Import(byte[] pkcs8)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);
        return key;
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var key)) key.Dispose();
    }
}

/// <summary>The public half, built from public parameters alone, so that nothing private can be written by mistake.</summary>
internal sealed class PublicKey
{
    public PublicKey(ECPoint point)
    {
        (X, Y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
        // RFC 7638 §3.2: required members in lexical order, without white space.
        Kid = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{X}}","y":"{{Y}}"}""")));
        Key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point });
        Pem = Key.ExportSubjectPublicKeyInfoPem();
    }

    public string X { get; }

    public string Y { get; }

    public string Kid { get; }

    public string Pem { get; }

    public ECDsa Key { get; }
}
