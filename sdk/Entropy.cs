using System.Buffers.Text;
using System.Security.Cryptography;

namespace SecureMesh.Sdk;

/// <summary>The only source of chance: ids, tokens, codes, secrets and salts, all from the platform's CSPRNG.</summary>
public static class Entropy
{
    /// <summary>A fresh value of 256 random bits in base64url, 43 characters: token, code, secret or id.</summary>
    public static string Token() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>A fresh value of 128 random bits in lower case hex, 32 characters, as UAA writes its ids.</summary>
    public static string HexId() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>Fresh random bytes.</summary>
    /// <param name="count">How many.</param>
    public static byte[] Bytes(int count) => RandomNumberGenerator.GetBytes(count);

    /// <summary>A random part of a time span, to spread retries.</summary>
    /// <param name="span">The span to spread over.</param>
    /// <param name="share">Largest deviation to either side as a share of the span, 0 to 1.</param>
    public static TimeSpan Jitter(TimeSpan span, double share = 0.1) =>
        span * (1 - share + 2 * share * RandomNumberGenerator.GetInt32(1_000_001) / 1_000_000d);
}
