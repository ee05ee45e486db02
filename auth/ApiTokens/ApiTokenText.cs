using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>
/// How an API token is written: <c>smt_</c>, 256 random bits as 43 digits of base62, and 6 digits of CRC-32 over all before
/// them, so that a slip of the pen is refused without any look-up and scanners of secrets find few false ones.
/// </summary>
internal static class ApiTokenText
{
    public const string Prefix = "smt_";
    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int RandomDigits = 43;
    private const int CheckDigits = 6;
    private const int Length = 4 + RandomDigits + CheckDigits;

    public static string New()
    {
        var value = new System.Numerics.BigInteger(Entropy.Bytes(32), isUnsigned: true);
        var text = new char[Length];
        Prefix.CopyTo(text);
        for (var i = Prefix.Length + RandomDigits - 1; i >= Prefix.Length; i--)
        {
            value = System.Numerics.BigInteger.DivRem(value, Digits.Length, out var digit);
            text[i] = Digits[(int)digit];
        }
        Check(text.AsSpan(0, Length - CheckDigits), text.AsSpan(Length - CheckDigits));
        return new string(text);
    }

    public static bool IsWellFormed(string token)
    {
        if (token.Length != Length || !token.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        foreach (var c in token.AsSpan(Prefix.Length))
            if (!char.IsAsciiLetterOrDigit(c)) return false;
        Span<char> check = stackalloc char[CheckDigits];
        Check(token.AsSpan(0, Length - CheckDigits), check);
        return check.SequenceEqual(token.AsSpan(Length - CheckDigits));
    }

    /// <summary>What is stored of it: SHA-256, hex.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(token)));

    private static void Check(ReadOnlySpan<char> text, Span<char> digits)
    {
        // CRC-32 as in ISO 3309, by the bit: 47 characters are no work.
        var crc = uint.MaxValue;
        foreach (var c in text)
        {
            crc ^= c;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        crc = ~crc;
        for (var i = digits.Length - 1; i >= 0; i--, crc /= 62) digits[i] = Digits[(int)(crc % 62)];
    }
}
