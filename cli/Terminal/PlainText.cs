using System.Text;

namespace SecureMesh.Cli.Terminal;

/// <summary>
/// Text that others wrote, fit for a terminal: control characters could move the cursor, hide what was printed or answer for
/// the person (terminal escape sequences), and directional marks could show it in another order.
/// </summary>
internal static class PlainText
{
    private const int Longest = 500;

    public static string Of(string? text)
    {
        if (text is null) return "";
        var plain = new StringBuilder(Math.Min(text.Length, Longest));
        foreach (var character in text)
        {
            if (plain.Length == Longest) return plain.Append("...").ToString();
            if (character is '\n' or '\r' or '\t') plain.Append(' ');
            else if (!char.IsControl(character) && character is not (>= '\u200e' and <= '\u200f' or >= '\u2028' and <= '\u202e' or >= '\u2066' and <= '\u2069'))
                plain.Append(character);
        }

        return plain.ToString().Trim();
    }
}
