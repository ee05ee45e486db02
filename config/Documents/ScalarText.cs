using System.Globalization;
using System.Numerics;

namespace SecureMesh.Config.Documents;

/// <summary>Scalars as text, spelled as a Java server spells them, so that a value reads the same from either server.</summary>
internal static class ScalarText
{
    public static string Of(object? value) => value switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "true" : "false",
        long number => number.ToString(CultureInfo.InvariantCulture),
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        double number => OfDouble(number),
        _ => throw new ArgumentException($"{value.GetType()} is no scalar", nameof(value)),
    };

    // Double.toString: always a point, an exponent below 1e-3 and from 1e7 on.
    private static string OfDouble(double number)
    {
        if (double.IsNaN(number)) return "NaN";
        if (double.IsInfinity(number)) return number > 0 ? "Infinity" : "-Infinity";
        if (number == 0) return double.IsNegative(number) ? "-0.0" : "0.0";
        var scientific = Math.Abs(number).ToString("E16", CultureInfo.InvariantCulture);
        var shortest = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture);
        var digits = new string([.. shortest.TakeWhile(c => c != 'E').Where(char.IsAsciiDigit)]).Trim('0');
        if (digits.Length == 0) digits = "0";
        var exponent = int.Parse(scientific[(scientific.IndexOf('E', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture);
        var sign = number < 0 ? "-" : "";
        if (exponent is < -3 or >= 7) return $"{sign}{digits[0]}.{(digits.Length > 1 ? digits[1..] : "0")}E{exponent.ToString(CultureInfo.InvariantCulture)}";
        if (exponent < 0) return sign + "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1) return sign + digits.PadRight(exponent + 1, '0') + ".0";
        return sign + digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }
}
