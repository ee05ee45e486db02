using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace SecureMesh.Config.Documents;

/// <summary>
/// What a plain scalar means by the types of YAML 1.1 (yaml.org/type): <c>yes</c> is true, <c>010</c> is 8, <c>1:30</c> is 90.
/// YAML 1.2 parsers differ, Spring's does not. Timestamps stay text.
/// </summary>
internal static partial class Yaml11
{
    public static object? Resolve(string text)
    {
        if (text.Length == 0 || text is "~" or "null" or "Null" or "NULL") return null;
        if (text.Length > 400) return text; // no number or word is longer; keeps the patterns away from large texts
        if (Bool(text) is { } flag) return flag;
        var first = text[0];
        if (!char.IsAsciiDigit(first) && first is not ('+' or '-' or '.')) return text;
        return Int(text) ?? Float(text) ?? (object)text;
    }

    public static bool? Bool(string text) => text switch
    {
        "yes" or "Yes" or "YES" or "true" or "True" or "TRUE" or "on" or "On" or "ON" => true,
        "no" or "No" or "NO" or "false" or "False" or "FALSE" or "off" or "Off" or "OFF" => false,
        _ => null,
    };

    public static object? Int(string text)
    {
        if (!IntPattern().IsMatch(text)) return null;
        var negative = text[0] == '-';
        var digits = text.TrimStart('+', '-').Replace("_", "", StringComparison.Ordinal);
        BigInteger value;
        if (digits.StartsWith("0b", StringComparison.Ordinal)) value = InBase(digits.AsSpan(2), 2);
        else if (digits.StartsWith("0x", StringComparison.Ordinal)) value = InBase(digits.AsSpan(2), 16);
        else if (digits.Contains(':', StringComparison.Ordinal)) value = digits.Split(':').Aggregate(BigInteger.Zero, (sum, part) => sum * 60 + BigInteger.Parse(part, CultureInfo.InvariantCulture));
        else if (digits.Length > 1 && digits[0] == '0') value = InBase(digits.AsSpan(1), 8);
        else value = BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        if (negative) value = -value;
        return value >= long.MinValue && value <= long.MaxValue ? (long)value : value;
    }

    public static object? Float(string text)
    {
        if (!FloatPattern().IsMatch(text)) return null;
        var negative = text[0] == '-';
        var digits = text.TrimStart('+', '-').Replace("_", "", StringComparison.Ordinal);
        double value;
        if (digits.Equals(".inf", StringComparison.OrdinalIgnoreCase)) value = double.PositiveInfinity;
        else if (digits.Equals(".nan", StringComparison.OrdinalIgnoreCase)) value = double.NaN;
        else if (digits.Contains(':', StringComparison.Ordinal)) value = digits.Split(':').Aggregate(0d, (sum, part) => sum * 60 + Decimal(part));
        else value = Decimal(digits);
        return negative ? -value : value;
    }

    private static double Decimal(string digits) => double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);

    private static BigInteger InBase(ReadOnlySpan<char> digits, int radix)
    {
        var value = BigInteger.Zero;
        foreach (var digit in digits) value = value * radix + Convert.ToInt32(digit.ToString(), 16);
        return value;
    }

    [GeneratedRegex(@"^(?:[-+]?0b[01_]*[01][01_]*|[-+]?0[0-7_]*[0-7][0-7_]*|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*|[-+]?[1-9][0-9_]{0,20}(?::[0-5]?[0-9])+)\z")]
    private static partial Regex IntPattern();

    [GeneratedRegex(@"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]{0,20}(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z")]
    private static partial Regex FloatPattern();
}
