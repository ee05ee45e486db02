using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace SecureMesh.Gateway.Passport;

/// <summary>The key by which this instance signs passports. It is never written anywhere and ends with the process.</summary>
internal sealed class PassportKey : IDisposable
{
    private const int SignatureBytes = 64;
    private readonly ECParameters _key;

    // Instances are not promised to be thread-safe; each signature borrows one.
    private readonly ConcurrentBag<ECDsa> _idle = [];
    private readonly string _header;

    public PassportKey()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _key = ec.ExportParameters(includePrivateParameters: true);
        (X, Y) = (Base64Url.EncodeToString(_key.Q.X), Base64Url.EncodeToString(_key.Q.Y));
        // RFC 7638 §3: the required members in their order.
        Id = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{X}}","y":"{{Y}}"}""")));
        _header = Base64Url.EncodeToString(Encoding.ASCII.GetBytes($$"""{"alg":"ES256","typ":"passport+jwt","kid":"{{Id}}"}""")) + ".";
    }

    /// <summary>Its name: the thumbprint of the public half (RFC 7638).</summary>
    public string Id { get; }

    public string X { get; }

    public string Y { get; }

    /// <summary>The public half as a JWK (RFC 7517 §4).</summary>
    public Dictionary<string, string> Public => new() { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = X, ["y"] = Y, ["kid"] = Id, ["alg"] = "ES256", ["use"] = "sig" };

    /// <summary>A compact JWS over the claims, which are a JSON object in UTF-8.</summary>
    public string Sign(ReadOnlySpan<byte> claims)
    {
        var input = _header + Base64Url.EncodeToString(claims);
        if (!_idle.TryTake(out var key)) key = ECDsa.Create(_key);
        try
        {
            Span<byte> signature = stackalloc byte[SignatureBytes];
            key.SignData(Encoding.ASCII.GetBytes(input), signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            return input + "." + Base64Url.EncodeToString(signature);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var key)) key.Dispose();
        CryptographicOperations.ZeroMemory(_key.D);
    }
}
