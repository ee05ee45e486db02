using System.Text;

namespace SecureMesh.Sdk;

/// <summary>Fills <c>${NAME}</c> and <c>${NAME:default}</c>, nested as Spring allows.</summary>
/// <param name="own">The service's own environment and configuration: asked first, its values are taken as they are.</param>
/// <param name="served">What the server sent: asked next, placeholders in it are filled in turn.</param>
internal sealed class Placeholders(Func<string, string?> own, IReadOnlyDictionary<string, string> served)
{
    // Deep enough for any real file; ends circles such as a: ${b}, b: ${a}.
    private const int MaxDepth = 16;
    // A value that doubles at each level (a: ${b}${b}, b: ${c}${c}, ...) stops here.
    private const int MaxSteps = 1000;
    private int _steps;

    /// <summary>Names that nobody knows and that have no default; their text stays as it was.</summary>
    public SortedSet<string> Unresolved { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of the service's secrets; their text stays as it was, whatever default stands there.</summary>
    public SortedSet<string> Withheld { get; } = new(StringComparer.Ordinal);

    public string Fill(string text)
    {
        _steps = 0;
        return Fill(text, 0);
    }

    private string Fill(string text, int depth)
    {
        if (!text.Contains("${", StringComparison.Ordinal)) return text;
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var end = text[i] == '$' && i + 1 < text.Length && text[i + 1] == '{' ? End(text, i + 2) : -1;
            if (end < 0)
            {
                result.Append(text[i]);
                continue;
            }
            result.Append(Resolve(text[(i + 2)..end], depth + 1) ?? text[i..(end + 1)]);
            i = end;
        }
        return result.ToString();
    }

    private string? Resolve(string expression, int depth)
    {
        var colon = Separator(expression);
        var name = colon < 0 ? expression : expression[..colon];
        if (depth > MaxDepth || ++_steps > MaxSteps)
        {
            Unresolved.Add(name);
            return null;
        }
        name = Fill(name, depth).Trim();
        if (ReservedSettings.IsSecret(name))
        {
            Withheld.Add(name);
            return null;
        }
        if (own(name) is { } value) return value;
        if (served.TryGetValue(ConfigEnvironment.Key(name, out _), out var other)) return Fill(other, depth);
        if (colon >= 0) return Fill(expression[(colon + 1)..], depth);
        Unresolved.Add(name);
        return null;
    }

    /// <summary>The brace that closes the placeholder whose inside begins at <paramref name="start"/>, or -1.</summary>
    private static int End(string text, int start)
    {
        var open = 1;
        for (var i = start; i < text.Length; i++)
        {
            if (text[i] == '{') open++;
            else if (text[i] == '}' && --open == 0) return i;
        }
        return -1;
    }

    /// <summary>The first colon outside nested placeholders, or -1.</summary>
    private static int Separator(string expression)
    {
        var open = 0;
        for (var i = 0; i < expression.Length; i++)
        {
            if (expression[i] == '{') open++;
            else if (expression[i] == '}') open--;
            else if (expression[i] == ':' && open == 0) return i;
        }
        return -1;
    }
}
