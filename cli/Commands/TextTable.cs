using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary>Columns of text, without colours and lines: the same on a terminal and in a pipe.</summary>
internal static class TextTable
{
    public static void Write(TextWriter output, IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string?>> rows)
    {
        var lines = new List<IReadOnlyList<string>> { head };
        lines.AddRange(rows.Select(row => row.Select(cell => PlainText.Of(cell) is { Length: > 0 } text ? text : "-").ToList()));
        var widths = head.Select((_, column) => lines.Max(line => line[column].Length)).ToList();
        foreach (var line in lines) output.WriteLine(string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }
}
