using System.Globalization;
using System.Text;

namespace SecureMesh.Config.Documents;

/// <summary>Reads <c>.properties</c> files as java.util.Properties does; documents split at a line <c>#---</c> or <c>!---</c>.</summary>
internal sealed class PropertiesDocuments
{
    private readonly string _text;
    private int _at;
    private int _line = 1;
    private int _lineStart;

    private PropertiesDocuments(string text) => _text = text;

    public static IReadOnlyList<ConfigDocument> Read(string text) => new PropertiesDocuments(text).Documents();

    private List<ConfigDocument> Documents()
    {
        var documents = new List<ConfigDocument>();
        var properties = new OrderedDictionary<string, Property>(StringComparer.Ordinal);
        var index = 0;
        void Close()
        {
            if (properties.Count > 0) documents.Add(ConfigDocument.Create(index, [.. properties.Values]));
            properties.Clear();
            index++;
        }
        while (_at < _text.Length)
        {
            var start = _at;
            SkipBlanks();
            if (_at >= _text.Length) break;
            if (_text[_at] is '#' or '!')
            {
                var line = RestOfLine(start);
                if (line is "#---" or "!---") Close();
                continue;
            }
            if (_text[_at] is '\r' or '\n')
            {
                EndLine();
                continue;
            }
            Entry(properties);
        }
        Close();
        return documents;
    }

    private void Entry(OrderedDictionary<string, Property> properties)
    {
        var key = Part(untilSeparator: true);
        SkipBlanks();
        if (_at < _text.Length && _text[_at] is '=' or ':')
        {
            _at++;
            SkipBlanks();
        }
        var origin = string.Create(CultureInfo.InvariantCulture, $"{_line}:{_at - _lineStart + 1}");
        var value = Part(untilSeparator: false);
        EndLine();
        if (!key.EndsWith("[]", StringComparison.Ordinal))
        {
            properties[key] = new(key, value, origin);
            return;
        }
        var items = value.Split(',', StringSplitOptions.TrimEntries);
        for (var i = 0; i < items.Length; i++)
        {
            var item = string.Create(CultureInfo.InvariantCulture, $"{key[..^2]}[{i}]");
            properties[item] = new(item, items[i], origin);
        }
    }

    private string Part(bool untilSeparator)
    {
        var part = new StringBuilder();
        while (_at < _text.Length && _text[_at] is not ('\r' or '\n'))
        {
            var c = _text[_at];
            if (untilSeparator && c is '=' or ':' or ' ' or '\t' or '\f') break;
            _at++;
            if (c != '\\') part.Append(c);
            else Escaped(part);
        }
        return part.ToString();
    }

    private void Escaped(StringBuilder part)
    {
        if (_at >= _text.Length) return;
        var c = _text[_at];
        if (c is '\r' or '\n')
        {
            EndLine();
            SkipBlanks();
            return;
        }
        _at++;
        part.Append(c switch { 't' => '\t', 'n' => '\n', 'r' => '\r', 'f' => '\f', 'u' => Unicode(), _ => c });
    }

    private char Unicode()
    {
        if (_at + 4 > _text.Length || !ushort.TryParse(_text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            throw new DocumentException(string.Create(CultureInfo.InvariantCulture, $"{_line}:{_at - _lineStart + 1}"), "\\u needs four hexadecimal digits");
        _at += 4;
        return (char)code;
    }

    private string RestOfLine(int start)
    {
        while (_at < _text.Length && _text[_at] is not ('\r' or '\n')) _at++;
        var line = _text[start.._at];
        EndLine();
        return line.TrimEnd();
    }

    private void EndLine()
    {
        if (_at >= _text.Length) return;
        _at += _text[_at] == '\r' && _at + 1 < _text.Length && _text[_at + 1] == '\n' ? 2 : 1;
        _line++;
        _lineStart = _at;
    }

    private void SkipBlanks()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\t' or '\f') _at++;
    }
}
