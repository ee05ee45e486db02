namespace SecureMesh.Config.Documents;

/// <summary>
/// A condition over profiles: a name, <c>!</c>, <c>&amp;</c>, <c>|</c> and brackets; <c>&amp;</c> and <c>|</c> in one level
/// need brackets, as in Spring's profile expressions.
/// </summary>
internal sealed class ProfileExpression
{
    private readonly Func<IReadOnlyCollection<string>, bool> _matches;

    private ProfileExpression(Func<IReadOnlyCollection<string>, bool> matches) => _matches = matches;

    public bool Matches(IReadOnlyCollection<string> profiles) => _matches(profiles);

    /// <summary>True when one of the expressions is; an empty list never is.</summary>
    public static ProfileExpression AnyOf(IReadOnlyList<string> expressions)
    {
        var parts = expressions.Select(Parse).ToArray();
        return new(profiles => parts.Any(part => part(profiles)));
    }

    private static Func<IReadOnlyCollection<string>, bool> Parse(string text)
    {
        var at = 0;
        var result = Level(text, ref at, 0);
        return at == text.Length ? result : throw Malformed(text);
    }

    private static Func<IReadOnlyCollection<string>, bool> Level(string text, ref int at, int depth)
    {
        if (depth > 20) throw Malformed(text);
        var terms = new List<Func<IReadOnlyCollection<string>, bool>> { Term(text, ref at, depth) };
        char? operation = null;
        while (Skip(text, ref at) && text[at] is '&' or '|')
        {
            if (operation is { } first && first != text[at]) throw Malformed(text);
            operation = text[at++];
            terms.Add(Term(text, ref at, depth));
        }
        return operation == '&' ? profiles => terms.All(term => term(profiles)) : profiles => terms.Any(term => term(profiles));
    }

    private static Func<IReadOnlyCollection<string>, bool> Term(string text, ref int at, int depth)
    {
        if (!Skip(text, ref at)) throw Malformed(text);
        if (text[at] == '!')
        {
            at++;
            if (depth > 20) throw Malformed(text);
            var inner = Term(text, ref at, depth + 1);
            return profiles => !inner(profiles);
        }
        if (text[at] == '(')
        {
            at++;
            var inner = Level(text, ref at, depth + 1);
            if (at >= text.Length || text[at++] != ')') throw Malformed(text);
            return inner;
        }
        var start = at;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] is '-' or '_' or '.' or '+' or '@')) at++;
        if (at == start) throw Malformed(text);
        var name = text[start..at];
        return profiles => profiles.Contains(name, StringComparer.Ordinal);
    }

    private static bool Skip(string text, ref int at)
    {
        while (at < text.Length && text[at] == ' ') at++;
        return at < text.Length;
    }

    private static DocumentException Malformed(string text) => new(null, $"malformed profile expression '{text}'");
}
