using System.Globalization;

namespace SecureMesh.Discovery.Wire;

/// <summary>Reads members leniently (numbers and booleans also as text) and remembers when one could not be read at all.</summary>
internal sealed class Fields(WireValue instance)
{
    /// <summary>True when a member had a value of another kind than its meaning needs.</summary>
    public bool Malformed { get; private set; }

    /// <summary>Text; empty counts as absent.</summary>
    public string? Text(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (Scalar(instance[name]) is { Length: > 0 } text) return text;
        return null;
    }

    public long? Number(WireValue? value)
    {
        if (Scalar(value) is not { Length: > 0 } text) return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return number;
        Malformed = true;
        return null;
    }

    public int? Int(WireValue? value)
    {
        if (Number(value) is not { } number) return null;
        if (number is >= int.MinValue and <= int.MaxValue) return (int)number;
        Malformed = true;
        return null;
    }

    public long? Number(string name) => Number(instance[name]);

    public int? Int(string name) => Int(instance[name]);

    public bool? Bool(WireValue? value)
    {
        if (Scalar(value) is not { Length: > 0 } text) return null;
        if (bool.TryParse(text, out var flag)) return flag;
        Malformed = true;
        return null;
    }

    /// <summary>A map of text without the type hints of the Java serialisers; scalars become text.</summary>
    public Dictionary<string, string> Map(WireValue? value)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        if (value?.Members is null)
        {
            if (value?.Text is not (null or "")) Malformed = true;
            return map;
        }
        foreach (var (name, entry) in value.Members)
        {
            if (name == "@class" || (name == "class" && entry.Text == "java.util.Collections$EmptyMap")) continue;
            if (Scalar(entry) is { } text) map[name] = text;
        }
        return map;
    }

    /// <summary>The text of a scalar, also of an XML element with attributes.</summary>
    private string? Scalar(WireValue? value)
    {
        if (value is null) return null;
        if (value.Text is not null) return value.Text;
        if (value["$"]?.Text is { } text) return text;
        if (value.Members?.Keys.All(name => name.StartsWith('@')) == true && value.Members.Count > 0) return "";
        Malformed = true;
        return null;
    }
}
