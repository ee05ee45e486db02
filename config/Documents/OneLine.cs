namespace SecureMesh.Config.Documents;

/// <summary>A text in which a file's own words may stand, such as a key of it, as one line of bearable length for logs, answers and terminals.</summary>
internal static class OneLine
{
    private const int Longest = 500;

    public static string Of(string text) => string.Create(Math.Min(text.Length, Longest), text, static (line, text) =>
    {
        for (var i = 0; i < line.Length; i++) line[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' ? ' ' : text[i];
        if (text.Length > Longest) line[^1] = '\u2026';
    });
}
