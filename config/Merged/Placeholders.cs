using System.Text;
using SecureMesh.Config.Documents;

namespace SecureMesh.Config.Merged;

/// <summary>
/// Fills in <c>${key}</c> and <c>${key:default}</c> from one environment, never from the server's own variables. What is
/// unknown stays as it is; <c>\${key}</c> becomes <c>${key}</c>.
/// </summary>
internal sealed class Placeholders(IReadOnlyDictionary<string, object> properties)
{
    private const int DeepestNesting = 20;
    private const int LongestText = 4 * 1024 * 1024;
    private const int MostLookups = 100_000;
    private int _lookups;
    private long _written;

    /// <summary>On unless the query says <c>resolvePlaceholders=false</c>.</summary>
    public static bool AreWanted(HttpRequest request) => !string.Equals(request.Query["resolvePlaceholders"], "false", StringComparison.OrdinalIgnoreCase);

    /// <summary>The text with its placeholders filled in; an error when they make it grow beyond all measure.</summary>
    public Result<string> Fill(string text)
    {
        try
        {
            return Filled(text, []);
        }
        catch (DocumentException e)
        {
            return new ConfigError(500, e.Message);
        }
    }

    private string Filled(string text, HashSet<string> open)
    {
        var next = text.IndexOf("${", StringComparison.Ordinal);
        if (next < 0) return text;
        var result = new StringBuilder();
        var at = 0;
        for (; next >= 0; next = text.IndexOf("${", at, StringComparison.Ordinal))
        {
            if (next > at && text[next - 1] == '\\')
            {
                result.Append(text, at, next - at - 1).Append("${");
                at = next + 2;
                continue;
            }
            var end = End(text, next + 2);
            if (end < 0) break;
            result.Append(text, at, next - at).Append(Value(text[(next + 2)..end], open) ?? text[next..(end + 1)]);
            at = end + 1;
            if (result.Length > LongestText) throw new DocumentException(null, "filling in the placeholders makes the text too long");
        }
        result.Append(text, at, text.Length - at);
        // Placeholders in placeholders can make a few lines grow beyond all memory: all texts of a request count together.
        if ((_written += result.Length) > 4L * LongestText) throw new DocumentException(null, "filling in the placeholders makes the text too long");
        return result.ToString();
    }

    private string? Value(string inner, HashSet<string> open)
    {
        if (++_lookups > MostLookups) throw new DocumentException(null, "too many placeholders");
        if (open.Count >= DeepestNesting) throw new DocumentException(null, "placeholders are nested too deeply");
        var name = inner.Contains("${", StringComparison.Ordinal) ? Guarded(inner, inner, open) : inner;
        if (name is null) return null;
        if (properties.TryGetValue(name, out var whole)) return Guarded(name, ScalarText.Of(whole), open);
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return null;
        return properties.TryGetValue(name[..colon], out var value) ? Guarded(name[..colon], ScalarText.Of(value), open) : name[(colon + 1)..];
    }

    // A value that leads back to itself stays as text.
    private string? Guarded(string name, string text, HashSet<string> open)
    {
        if (!open.Add(name)) return null;
        var filled = Filled(text, open);
        open.Remove(name);
        return filled;
    }

    private static int End(string text, int from)
    {
        var depth = 1;
        for (var at = from; at < text.Length; at++)
        {
            if (text[at] == '{') depth++;
            else if (text[at] == '}' && --depth == 0) return at;
        }
        return -1;
    }
}
