using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SecureMesh.Cli.Calls;

namespace SecureMesh.Cli.Login;

/// <summary>What an id token must say.</summary>
internal sealed record IdTokenExpectations(string Issuer, string ClientId, string? Nonce, string AccessToken, DateTimeOffset Now);

/// <summary>Checks an id token (OpenID Connect Core §3.1.3.7). Two algorithms, each with its own kind of key: nothing to confuse.</summary>
internal static class IdToken
{
    private const int MostCharacters = 16 * 1024;
    private const int LeastRsaBits = 2048;
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);

    /// <param name="token">The compact JWS.</param>
    /// <param name="keys">The issuer's key set.</param>
    /// <param name="expected">What it must say.</param>
    /// <param name="claims">The claims; only when there is no fault.</param>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public static string? Fault(string token, JsonElement keys, IdTokenExpectations expected, out JsonElement claims)
    {
        claims = default;
        var parts = token.Split('.');
        if (token.Length > MostCharacters || parts.Length != 3) return "it is no signed token";
        if (Json(parts[0]) is not { } header || Json(parts[1]) is not { } payload) return "it is no signed token";
        if (header.Get("crit") is not null) return "it uses an extension that is not known here";
        if (!Verify(header, keys, Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), parts[2])) return "its signature is not that of the mesh";
        claims = payload;
        return Claims(payload, expected);
    }

    private static string? Claims(JsonElement claims, IdTokenExpectations expected)
    {
        if (claims.Text("iss") != expected.Issuer) return "another issuer made it";
        var audience = claims.Text("aud") is { } single ? [single] : claims.Texts("aud");
        if (!audience.Contains(expected.ClientId)) return "it was made for another client";
        if (claims.Text("azp") is { } party ? party != expected.ClientId : audience.Count > 1) return "it was made for another client";
        if (claims.Number("exp") is not { } exp || expected.Now.ToUnixTimeSeconds() >= exp + (long)Skew.TotalSeconds) return "it has expired";
        if (claims.Number("iat") is not { } iat || iat > expected.Now.ToUnixTimeSeconds() + (long)Skew.TotalSeconds) return "it comes from the future: are the clocks right?";
        if (claims.Text("nonce") != expected.Nonce) return "it answers another request (nonce)";
        if (claims.Text("at_hash") is { } hash && hash != HalfHash(expected.AccessToken)) return "it belongs to another access token";
        return string.IsNullOrEmpty(claims.Text("sub")) ? "it names no user" : null;
    }

    private static bool Verify(JsonElement header, JsonElement keys, byte[] signed, string signature)
    {
        if (header.Text("alg") is not { } algorithm || Bytes(signature) is not { } bytes) return false;
        if (keys.Get("keys") is not { ValueKind: JsonValueKind.Array } set) return false;
        var kid = header.Text("kid");
        foreach (var key in set.EnumerateArray())
        {
            if (kid is not null && key.Text("kid") != kid) continue;
            if (key.Text("use") is { } use && use != "sig") continue;
            if (key.Text("alg") is { } own && own != algorithm) continue;
            if (algorithm switch { "ES256" => VerifyEc(key, signed, bytes), "RS256" => VerifyRsa(key, signed, bytes), _ => false }) return true;
        }

        return false;
    }

    private static bool VerifyEc(JsonElement key, byte[] signed, byte[] signature)
    {
        if (key.Text("kty") != "EC" || key.Text("crv") != "P-256" || Bytes(key.Text("x")) is not { Length: 32 } x || Bytes(key.Text("y")) is not { Length: 32 } y) return false;
        try
        {
            using var ec = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } });
            return ec.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false; // a point that is not on the curve
        }
    }

    private static bool VerifyRsa(JsonElement key, byte[] signed, byte[] signature)
    {
        if (key.Text("kty") != "RSA" || Bytes(key.Text("n")) is not { } modulus || Bytes(key.Text("e")) is not { } exponent) return false;
        try
        {
            using var rsa = RSA.Create(new RSAParameters { Modulus = modulus, Exponent = exponent });
            return rsa.KeySize >= LeastRsaBits && rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static string HalfHash(string accessToken) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(accessToken)).AsSpan(0, 16));

    private static JsonElement? Json(string part)
    {
        try
        {
            using var document = JsonDocument.Parse(Bytes(part));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[]? Bytes(string? text)
    {
        if (text is null || text.Contains('=', StringComparison.Ordinal) || !Base64Url.IsValid(text)) return null;
        return Base64Url.DecodeFromChars(text);
    }
}
