using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>The text of an API token, which its owner alone has, and what is stored of it.</summary>
internal static class ApiTokenText
{
    public const string Prefix = ApiTokenFormat.Prefix;

    public static string New() => ApiTokenFormat.Write(Entropy.Bytes(32));

    public static bool IsWellFormed(string token) => ApiTokenFormat.IsWellFormed(token);

    /// <summary>What is stored of it: SHA-256, hex.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(token)));
}
