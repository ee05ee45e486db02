using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>Which public keys a client may register by value (K-12): EC on P-256 and RSA from 2048 bits, and never the private half.</summary>
internal static class KeySetRules
{
    private const int MostKeys = 20;
    private static readonly string[] Private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    /// <summary>What is wrong with a key set; null when nothing is.</summary>
    public static string? Fault(JsonElement jwks)
    {
        if (jwks.ValueKind != JsonValueKind.Object || !jwks.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array
            || keys.GetArrayLength() is 0 or > MostKeys) return $"jwks must be an object with 1 to {MostKeys} keys";
        var kids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in keys.EnumerateArray())
        {
            if (key.ValueKind != JsonValueKind.Object) return "jwks must hold objects";
            if (KeyFault(key) is { } fault) return fault;
            if (Text(key, "kid") is { } kid ? !kids.Add(kid) : keys.GetArrayLength() > 1) return "the keys of jwks must have names (kid) of their own";
        }
        return null;
    }

    private static string? KeyFault(JsonElement key)
    {
        if (Private.Any(name => key.TryGetProperty(name, out _))) return "jwks must hold public keys alone";
        if (key.TryGetProperty("use", out _) && Text(key, "use") != "sig") return "the keys of jwks must be for signatures";
        var alg = Text(key, "alg");
        return Text(key, "kty") switch
        {
            "EC" when alg is null or "ES256" => IsP256(key) ? null : "an EC key of jwks must be a point on P-256",
            "RSA" when alg is null or "RS256" or "PS256" => IsLargeRsa(key) ? null : "an RSA key of jwks must have 2048 to 8192 bits",
            _ => "a key of jwks has a type or algorithm that is not known",
        };
    }

    private static bool IsP256(JsonElement key)
    {
        if (Text(key, "crv") != "P-256" || Bytes(key, "x") is not { Length: 32 } x || Bytes(key, "y") is not { Length: 32 } y) return false;
        try
        {
            using var _ = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } });
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool IsLargeRsa(JsonElement key) =>
        Bytes(key, "n") is { Length: >= 256 and <= 1024 } n && n[0] >= 0x80 && (n[^1] & 1) == 1
        && Bytes(key, "e") is { Length: >= 1 and <= 4 } e && (e[^1] & 1) == 1 && (e.Length > 1 || e[0] > 1);

    private static byte[]? Bytes(JsonElement key, string name)
    {
        if (Text(key, name) is not { } text || text.Contains('=', StringComparison.Ordinal) || !Base64Url.IsValid(text)) return null;
        return Base64Url.DecodeFromChars(text);
    }

    private static string? Text(JsonElement key, string name) =>
        key.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
