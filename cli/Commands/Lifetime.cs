using System.Globalization;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary>A span of time as people write it: <c>90s</c>, <c>15m</c>, <c>12h</c>, <c>30d</c>, <c>2w</c>.</summary>
internal static class Lifetime
{
    private const long Longest = 10L * 366 * 86400;

    public static long SecondsOf(string text, string option)
    {
        var unit = text.Length > 1 ? text[^1] switch { 's' => 1L, 'm' => 60, 'h' => 3600, 'd' => 86400, 'w' => 7 * 86400, _ => 0 } : 0;
        return unit > 0 && long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count is >= 1 and <= Longest && count * unit is <= Longest and var seconds
            ? seconds
            : throw CommandFailure.Usage($"{option} is a number with s, m, h, d or w, as 30d, not '{PlainText.Of(text)}'.");
    }
}
