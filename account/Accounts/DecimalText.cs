using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace SecureMesh.Account.Accounts;

/// <summary>A decimal number that is kept as it was written, so <c>3.32</c> and <c>1.50</c> come back as they were given.</summary>
/// <remarks>
/// At most 38 significant digits and an exponent of -38 to 38: more than money needs, and little enough that no reader
/// who expands <c>1e999999999</c> is brought down by it.
/// </remarks>
internal sealed partial record DecimalText
{
    private const int MaxLength = 64;
    private const int MaxDigits = 38;
    private const int MaxExponent = 38;

    private DecimalText(string text) => Text = text;

    public static DecimalText Zero { get; } = new("0");

    /// <summary>A valid JSON number.</summary>
    public string Text { get; }

    /// <summary>Reads a JSON number, or the same in a string, where a sign, a bare point and leading zeros are allowed too.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out DecimalText? value)
    {
        value = null;
        if (text.Length > MaxLength || Form().Match(text.Trim()) is not { Success: true } form) return false;
        var whole = form.Groups["whole"].Value.TrimStart('0');
        var fraction = form.Groups["fraction"].Value;
        var exponent = form.Groups["exponent"].Value;
        if (form.Groups["whole"].Length + fraction.Length == 0) return false;
        if ((whole + fraction).TrimStart('0').Length > MaxDigits) return false;
        if (exponent.Length > 0 && Math.Abs(int.Parse(exponent.AsSpan(1), provider: System.Globalization.CultureInfo.InvariantCulture)) > MaxExponent) return false;

        var sign = form.Groups["sign"].Value == "-" ? "-" : "";
        value = new DecimalText(sign + (whole.Length == 0 ? "0" : whole) + (fraction.Length == 0 ? "" : "." + fraction) + exponent);
        return true;
    }

    public override string ToString() => Text;

    [GeneratedRegex(@"\A(?<sign>[+-]?)(?<whole>[0-9]*)(\.(?<fraction>[0-9]*))?(?<exponent>[eE][+-]?[0-9]{1,3})?\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
