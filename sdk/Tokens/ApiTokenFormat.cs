using System.Numerics;

namespace SecureMesh.Sdk;

/// <summary>
/// How an API token is written: <c>smt_</c>, 256 random bits as 43 digits of base62, and 6 digits of CRC-32 over all before
/// them, so that a slip of the pen is refused without any look-up and scanners of secrets find few false ones.
/// </summary>
public static class ApiTokenFormat
{
    /// <summary>What every API token begins with.</summary>
    public const string Prefix = "smt_";

    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const int SecretBytes = 32;
    private const int SecretDigits = 43;
    private const int CheckDigits = 6;
    private const int Length = 4 + SecretDigits + CheckDigits;

    /// <summary>Writes a token; only the token service makes it good for anything.</summary>
    /// <param name="secret">32 random bytes.</param>
    /// <exception cref="ArgumentException">Another number of bytes.</exception>
    public static string Write(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != SecretBytes) throw new ArgumentException($"The secret of an API token has {SecretBytes} bytes.", nameof(secret));
        var value = new BigInteger(secret, isUnsigned: true);
        Span<char> text = stackalloc char[Length];
        Prefix.CopyTo(text);
        for (var i = Prefix.Length + SecretDigits - 1; i >= Prefix.Length; i--)
        {
            value = BigInteger.DivRem(value, Digits.Length, out var digit);
            text[i] = Digits[(int)digit];
        }
        Check(text[..(Length - CheckDigits)], text[(Length - CheckDigits)..]);
        return new string(text);
    }

    /// <summary>False for what cannot be an API token, whoever is asked; true says nothing about whether there is such a token.</summary>
    /// <param name="token">The text.</param>
    public static bool IsWellFormed(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (token.Length != Length || !token.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        foreach (var c in token.AsSpan(Prefix.Length))
            if (!char.IsAsciiLetterOrDigit(c)) return false;
        Span<char> check = stackalloc char[CheckDigits];
        Check(token.AsSpan(0, Length - CheckDigits), check);
        return check.SequenceEqual(token.AsSpan(Length - CheckDigits));
    }

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
