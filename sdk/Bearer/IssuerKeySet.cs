using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>Reads a JWK set (RFC 7517 §5) into the keys that may verify an access token; what is unusable is left out and named.</summary>
internal static class IssuerKeySet
{
    private const int LongestKid = 256;
    private const int SmallestRsaBits = 2048;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <exception cref="JsonException">The body is no JWK set.</exception>
    public static FrozenDictionary<string, IssuerKey> Read(ReadOnlyMemory<byte> body, out IReadOnlyList<string> skipped)
    {
        using var document = JsonDocument.Parse(body, Strict);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array)
            throw new JsonException("no member keys");
        var keys = new Dictionary<string, IssuerKey>(StringComparer.Ordinal);
        var causes = new List<string>();
        foreach (var jwk in list.EnumerateArray())
        {
            var (key, cause) = ReadSafely(jwk);
            if (key is null) causes.Add(cause!);
            else if (!keys.TryAdd(key.Kid, key)) causes.Add("a kid occurs twice");
        }
        skipped = causes;
        return keys.ToFrozenDictionary(StringComparer.Ordinal);
    }

    // Half of a surrogate pair (\ud800) is JSON but no text, and reading it throws; the other keys are good nevertheless.
    private static (IssuerKey? Key, string? Cause) ReadSafely(JsonElement jwk)
    {
        try
        {
            return ReadKey(jwk);
        }
        catch (InvalidOperationException)
        {
            return (null, "text that is not Unicode");
        }
    }

    private static (IssuerKey? Key, string? Cause) ReadKey(JsonElement jwk)
    {
        if (jwk.ValueKind != JsonValueKind.Object) return (null, "not an object");
        // A symmetric or private key that anybody can fetch proves nothing about who signed with it.
        if (Has(jwk, "k") || Has(jwk, "d")) return (null, "symmetric or private");
        if (Text(jwk, "kid") is not { Length: > 0 and <= LongestKid } kid) return (null, "no usable kid");
        if (Has(jwk, "use") && Text(jwk, "use") != "sig") return (null, "not for signatures");
        try
        {
            (string algorithm, AsymmetricSecurityKey? key) = Text(jwk, "kty") switch
            {
                "EC" when Text(jwk, "crv") == "P-256" => (SecurityAlgorithms.EcdsaSha256, Ec(jwk)),
                "RSA" => (SecurityAlgorithms.RsaSha256, Rsa(jwk)),
                _ => ("", (AsymmetricSecurityKey?)null),
            };
            if (key is null) return (null, "not EC P-256, nor RSA of at least 2048 bits");
            if (Has(jwk, "alg") && Text(jwk, "alg") != algorithm) return (null, "for another algorithm than " + algorithm);
            key.KeyId = kid;
            return (new IssuerKey(kid, algorithm, key), null);
        }
        catch (Exception e) when (e is FormatException or CryptographicException or ArgumentException)
        {
            return (null, "not a valid public key");
        }
    }

    private static ECDsaSecurityKey Ec(JsonElement jwk) => new(ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Bytes(jwk, "x"), Y = Bytes(jwk, "y") },
    }));

    private static RsaSecurityKey? Rsa(JsonElement jwk)
    {
        var key = new RsaSecurityKey(RSA.Create(new RSAParameters { Modulus = Bytes(jwk, "n"), Exponent = Bytes(jwk, "e") }));
        return key.KeySize >= SmallestRsaBits ? key : null;
    }

    private static byte[] Bytes(JsonElement jwk, string name) =>
        System.Buffers.Text.Base64Url.DecodeFromChars(Text(jwk, name) ?? throw new FormatException(name));

    private static bool Has(JsonElement jwk, string name) => jwk.TryGetProperty(name, out _);

    private static string? Text(JsonElement jwk, string name) =>
        jwk.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
