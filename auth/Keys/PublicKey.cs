using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Auth.Keys;

/// <summary>The public half, built from public parameters alone, so that nothing private can be written by mistake.</summary>
internal sealed class PublicKey
{
    private readonly (string Name, string Value)[] _members;
    private readonly Func<string, SecurityKey> _securityKey;

    public PublicKey(ECPoint point)
    {
        var (x, y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
        _members = [("kty", "EC"), ("crv", "P-256"), ("x", x), ("y", y)];
        Kid = Thumbprint($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""");
        var parameters = new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = point };
        using (var key = ECDsa.Create(parameters)) Pem = key.ExportSubjectPublicKeyInfoPem();
        Verification = VerificationKey.Ec(point);
        _securityKey = kid => new ECDsaSecurityKey(ECDsa.Create(parameters)) { KeyId = kid };
    }

    public PublicKey(byte[] modulus, byte[] exponent)
    {
        var (n, e) = (Base64Url.EncodeToString(modulus), Base64Url.EncodeToString(exponent));
        _members = [("kty", "RSA"), ("n", n), ("e", e)];
        Kid = Thumbprint($$"""{"e":"{{e}}","kty":"RSA","n":"{{n}}"}""");
        var parameters = new RSAParameters { Modulus = modulus, Exponent = exponent };
        using (var key = RSA.Create(parameters)) Pem = key.ExportSubjectPublicKeyInfoPem();
        Verification = VerificationKey.Rsa(parameters, "RS256");
        _securityKey = kid => new RsaSecurityKey(parameters) { KeyId = kid };
    }

    /// <summary>RFC 7638 thumbprint.</summary>
    public string Kid { get; }

    public string Algorithm => Verification.Algorithm;

    public string Pem { get; }

    public VerificationKey Verification { get; }

    public SecurityKey ToSecurityKey() => _securityKey(Kid);

    /// <summary>The members of the JWK, with UAA's <c>value</c> beside the standard ones.</summary>
    public void Write(Utf8JsonWriter json)
    {
        foreach (var (name, value) in _members) json.WriteString(name, value);
        json.WriteString("kid", Kid);
        json.WriteString("alg", Algorithm);
        json.WriteString("use", "sig");
        json.WriteString("value", Pem);
    }

    // Required members in lexical order, without white space (RFC 7638 §3.2).
    private static string Thumbprint(string members) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(members)));
}
