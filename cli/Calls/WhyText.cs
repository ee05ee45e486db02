using System.Text.Json;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Calls;

/// <summary>An explanation for a person: the first cause on top, the checks in their order, the fix at the end.</summary>
internal static class WhyText
{
    public static void Write(TextWriter output, JsonElement why)
    {
        var reason = why.Text("reason") is { } code ? $" ({PlainText.Of(code)})" : "";
        output.WriteLine($"{why.Number("status")}{reason}: {PlainText.Of(why.Text("cause"))}");
        foreach (var entry in Items(why, "entries")) Entry(output, entry);
        foreach (var asked in Items(why, "asked").Where(asked => asked.Text("said") != "explained"))
            output.WriteLine($"{PlainText.Of(asked.Text("service"))} {PlainText.Of(asked.Text("instance"))}: {PlainText.Of(asked.Text("said"))}");
        if (why.Text("fix") is { } fix) output.WriteLine($"fix: {PlainText.Of(fix)}");
    }

    /// <summary>One service's entry, without its fix.</summary>
    public static void Entry(TextWriter output, JsonElement entry)
    {
        output.WriteLine($"{PlainText.Of(entry.Text("service"))} at {PlainText.Of(entry.Text("time"))}: {PlainText.Of(entry.Text("method"))} {PlainText.Of(entry.Text("path"))}");
        foreach (var step in Items(entry, "steps"))
        {
            var mark = step.Text("outcome") switch { "ok" => "\u2713", "failed" => "\u2717", _ => "\u00b7" };
            output.WriteLine($"  {mark} {PlainText.Of(step.Text("name")),-13} {PlainText.Of(step.Text("detail"))}");
        }
    }

    private static JsonElement.ArrayEnumerator Items(JsonElement json, string member) =>
        json.Get(member) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : default;
}
