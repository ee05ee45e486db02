using System.Globalization;
using System.Text;

namespace SecureMesh.Auth.Scim.Filters;

/// <summary>
/// Reads a filter (SCIM 1.1 §3.2.2.1, as UAA takes it): eq, co, sw, pr, gt, ge, lt, le, and, or, parentheses; names of a
/// list alone, without regard to case.
/// </summary>
internal sealed class FilterParser
{
    private const int Longest = 16 * 1024;
    private const int Deepest = 20;
    private const int MostComparisons = 200;
    private readonly string _text;
    private readonly IReadOnlyDictionary<string, FilterField> _fields;
    private int _at;
    private int _comparisons;

    private FilterParser(string text, IReadOnlyDictionary<string, FilterField> fields) => (_text, _fields) = (text, fields);

    /// <summary>The filter; null when the text is none, names an unknown attribute, or compares in a way its values do not allow.</summary>
    public static Filter? Parse(string text, IReadOnlyDictionary<string, FilterField> fields)
    {
        if (text.Length > Longest || text.Contains('\0', StringComparison.Ordinal)) return null;
        var parser = new FilterParser(text, fields);
        var filter = parser.Either(0);
        return parser.Skip() == '\0' ? filter : null;
    }

    private Filter? Either(int depth)
    {
        var left = Both(depth);
        while (left is not null && Takes("or")) left = Both(depth) is { } right ? new EitherFilter(left, right) : null;
        return left;
    }

    private Filter? Both(int depth)
    {
        var left = Unit(depth);
        while (left is not null && Takes("and")) left = Unit(depth) is { } right ? new BothFilters(left, right) : null;
        return left;
    }

    private Filter? Unit(int depth)
    {
        if (Skip() != '(') return Comparison();
        if (depth == Deepest) return null;
        _at++;
        var inner = Either(depth + 1);
        if (Skip() != ')') return null;
        _at++;
        return inner;
    }

    private Filter? Comparison()
    {
        if (++_comparisons > MostComparisons || !_fields.TryGetValue(Word(), out var field)) return null;
        var name = Word();
        if (name.Equals("pr", StringComparison.OrdinalIgnoreCase)) return new PresentFilter(field);
        if (name.Length != 2 || !name.All(char.IsAsciiLetter) || !Enum.TryParse<FilterOperator>(name, ignoreCase: true, out var compare)) return null;
        return Value(out var value) && Fits(field.Kind, compare, ref value) ? new CompareFilter(field, compare, value) : null;
    }

    private static bool Fits(FilterKind kind, FilterOperator compare, ref object? value)
    {
        if (value is null) return compare == FilterOperator.Eq;
        switch (kind)
        {
            case FilterKind.Boolean:
                if (value is string text && bool.TryParse(text, out var flag)) value = flag;
                return value is bool && compare == FilterOperator.Eq;
            case FilterKind.Number or FilterKind.Time:
                if (kind == FilterKind.Time && value is string time && DateTimeOffset.TryParse(
                    time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)) value = moment.ToUnixTimeMilliseconds();
                if (value is string digits && long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) value = number;
                return value is long && compare is not (FilterOperator.Co or FilterOperator.Sw);
            default:
                value = value switch { string word => word, bool word => word ? "true" : "false", _ => ((long)value).ToString(CultureInfo.InvariantCulture) };
                return true;
        }
    }

    private bool Value(out object? value)
    {
        value = null;
        if (Skip() is '"' or '\'') return Quoted(out value);
        switch (Word())
        {
            case "true": value = true; return true;
            case "false": value = false; return true;
            case "null": return true;
            case var word when long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number): value = number; return true;
            default: return false;
        }
    }

    private bool Quoted(out object? value)
    {
        var quote = _text[_at++];
        var text = new StringBuilder();
        for (; _at < _text.Length; _at++)
        {
            var c = _text[_at];
            if (c == quote)
            {
                _at++;
                value = text.ToString();
                return true;
            }
            if (c == '\\' && ++_at < _text.Length) c = _text[_at];
            if (c == '\0') break;
            text.Append(c);
        }
        value = null;
        return false;
    }

    private bool Takes(string word)
    {
        Skip();
        if (_at + word.Length >= _text.Length || string.Compare(_text, _at, word, 0, word.Length, StringComparison.OrdinalIgnoreCase) != 0
            || _text[_at + word.Length] is not (' ' or '(')) return false;
        _at += word.Length;
        return true;
    }

    private string Word()
    {
        Skip();
        var start = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '.' or '_' or '-' or ':')) _at++;
        return _text[start.._at];
    }

    private char Skip()
    {
        while (_at < _text.Length && _text[_at] == ' ') _at++;
        return _at < _text.Length ? _text[_at] : '\0';
    }
}
