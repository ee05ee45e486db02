using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Auth.Tests.Clients;

/// <summary>A key of a client and what it signs, made by hand.</summary>
internal sealed class SigningClient : IDisposable
{
    private readonly ECDsa? _ec;
    private readonly RSA? _rsa;

    public SigningClient(string algorithm = "ES256", int rsaBits = 2048, string kid = "one")
    {
        (Algorithm, Kid) = (algorithm, kid);
        if (algorithm == "ES256") _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        else _rsa = RSA.Create(rsaBits);
    }

    public string Algorithm { get; }

    public string Kid { get; }

    /// <summary>The public key, without kid and alg.</summary>
    public Dictionary<string, object> Bare
    {
        get
        {
            if (_ec is not null)
            {
                var q = _ec.ExportParameters(false).Q;
                return new() { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(q.X), ["y"] = Base64Url.EncodeToString(q.Y) };
            }
            var p = _rsa!.ExportParameters(false);
            return new() { ["kty"] = "RSA", ["n"] = Base64Url.EncodeToString(p.Modulus), ["e"] = Base64Url.EncodeToString(p.Exponent) };
        }
    }

    public Dictionary<string, object> Jwk => new(Bare) { ["kid"] = Kid, ["use"] = "sig", ["alg"] = Algorithm };

    public Dictionary<string, object> PrivateJwk => new(Bare) { ["d"] = Base64Url.EncodeToString(_ec!.ExportParameters(true).D) };

    public string Thumbprint => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(
        $$"""{"crv":"P-256","kty":"EC","x":"{{Bare["x"]}}","y":"{{Bare["y"]}}"}""")));

    public string Sign(Dictionary<string, object> header, Dictionary<string, object> claims)
    {
        var signed = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(header)) + "." + Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims));
        var data = Encoding.ASCII.GetBytes(signed);
        var signature = _ec is not null
            ? _ec.SignData(data, HashAlgorithmName.SHA256)
            : _rsa!.SignData(data, HashAlgorithmName.SHA256, (string)header["alg"] == "PS256" ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        return signed + "." + Base64Url.EncodeToString(signature);
    }

    public void Dispose()
    {
        _ec?.Dispose();
        _rsa?.Dispose();
    }
}
