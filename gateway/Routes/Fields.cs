using System.Globalization;
using SecureMesh.Gateway.Limits;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Routes;

/// <summary>The fields of one section, read with a fault for everything that is wrong, by the key that an operator types.</summary>
internal sealed class Fields(IConfigurationSection section, List<string> faults)
{
    public string Key => section.Path;

    public string? this[string name] => section[name];

    public IConfigurationSection Section(string name) => section.GetSection(name);

    public Fields Below(string name) => new(section.GetSection(name), faults);

    public void Fault(string field, string what) => faults.Add($"{section.Path}:{field} {what}.");

    /// <summary>A field that nobody knows is a typing error, and may be the one that closes something.</summary>
    public void Know(IReadOnlyCollection<string> names, string what)
    {
        foreach (var field in section.GetChildren())
        {
            if (names.Contains(field.Key, StringComparer.OrdinalIgnoreCase)) continue;
            var near = names.MinBy(name => Edits(name, field.Key))!;
            // A third of the letters: auth is not to be told of path.
            Fault(field.Key, what + (Edits(near, field.Key) <= Math.Max(1, field.Key.Length / 3) ? $", but {near} is" : ""));
        }
    }

    public bool Flag(string field)
    {
        if (section[field] is not { } text) return false;
        if (bool.TryParse(text, out var flag)) return flag;
        Fault(field, $"must be true or false, not '{text}'");
        return false;
    }

    public long Number(string field, long otherwise, long most, string what)
    {
        if (section[field] is not { } text) return otherwise;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most) return number;
        Fault(field, $"must be {what}, not '{text}'");
        return otherwise;
    }

    public TimeSpan Time(string field, TimeSpan otherwise, TimeSpan most, string what)
    {
        if (section[field] is not { } text) return otherwise;
        if (MeshDuration.TryParse(text, out var time) && time > TimeSpan.Zero && time <= most) return time;
        Fault(field, $"must be a time with its unit, {what}, not '{text}'");
        return otherwise;
    }

    public T OneOf<T>(string field, T otherwise, params (string Name, T Value)[] values)
    {
        if (section[field] is not { } text) return otherwise;
        foreach (var (name, value) in values)
        {
            if (name == text) return value;
        }
        var names = values.Length == 1 ? values[0].Name + " or left out" : "one of " + string.Join(", ", values.Select(value => value.Name));
        Fault(field, $"must be {names}, not '{text}'");
        return otherwise;
    }

    public RateLimit? Limit(string field)
    {
        if (section[field] is not { } text) return null;
        var limit = RateLimit.Parse(text);
        if (limit is null) Fault(field, $"must be a number per second, minute or hour, such as 60/minute, not '{text}'");
        return limit;
    }

    /// <summary>A list; or one text in its place: one value, or several with commas between, as lists are written in other settings.</summary>
    /// <param name="field">The field's name.</param>
    /// <param name="whole">True: a comma may be part of a value, so the text is one.</param>
    public List<string> List(string field, bool whole = false)
    {
        var list = section.GetSection(field);
        var values = list.GetChildren().ToList();
        // A section has names where a list has numbers.
        foreach (var _ in values.Where(value => value.Value is null || !value.Key.All(char.IsAsciiDigit))) Fault(field, "must be a list of plain texts");
        // An empty YAML list arrives as an empty text.
        if (list.Value is not { Length: > 0 } text) return [.. values.Select(value => value.Value ?? "")];
        // Two sources said it in two ways, and which one counts nobody can see.
        if (values.Count > 0) Fault(field, "must be one text or a list, not both");
        // What is empty between two commas stays, and is refused: half of the list may be missing.
        return whole ? [text] : [.. text.Split(',', StringSplitOptions.TrimEntries)];
    }

    /// <summary>How many letters are to be put in, left out or changed to make one of the other (Levenshtein).</summary>
    private static int Edits(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var (diagonal, left) = (row[0], i);
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                left = Math.Min(Math.Min(left, row[j]) + 1, diagonal + (char.ToUpperInvariant(one[i - 1]) == char.ToUpperInvariant(other[j - 1]) ? 0 : 1));
                (diagonal, row[j]) = (row[j], left);
            }
        }
        return row[^1];
    }
}
