using System.Globalization;
using System.Text.Json;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>
/// The members of a registration as UAA's clients write them: lists also as text with commas, numbers and booleans also as
/// text. The first member of a wrong type is remembered.
/// </summary>
internal sealed class ClientFields(JsonElement body)
{
    /// <summary>What is wrong with the body; null while nothing is.</summary>
    public string? Fault { get; private set; }

    /// <summary>True when the member is there, be it null.</summary>
    public bool Has(string name) => body.TryGetProperty(name, out _);

    /// <summary>The list; null when it is left out or empty, which means unchanged.</summary>
    /// <param name="name">The member.</param>
    /// <param name="separators">Where a text is cut.</param>
    public IReadOnlyList<string>? List(string name, params char[] separators)
    {
        if (Find(name) is not { } value) return null;
        string[] list = [];
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
            list = [.. value.EnumerateArray().Select(item => item.GetString()!).Where(item => item.Length > 0)];
        else if (value.ValueKind == JsonValueKind.String) list = value.GetString()!.Split(separators, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        else Refuse(name, "a list of texts");
        return list.Length == 0 ? null : [.. list.Distinct(StringComparer.Ordinal)];
    }

    public string? Text(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.String) Refuse(name, "a text");
        return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
    }

    public bool? Flag(string name)
    {
        if (Find(name) is not { } value) return null;
        // uaac makes a list of what is typed at its prompt.
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 1) value = value[0];
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False) return value.GetBoolean();
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0) return null;
        if (value.ValueKind == JsonValueKind.String && bool.TryParse(value.GetString(), out var flag)) return flag;
        Refuse(name, "true or false");
        return null;
    }

    public TimeSpan? Seconds(string name)
    {
        if (Find(name) is not { } value) return null;
        var text = value.ValueKind switch { JsonValueKind.Number => value.GetRawText(), JsonValueKind.String => value.GetString()!, _ => "" };
        if (value.ValueKind == JsonValueKind.String && text.Length == 0) return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0) return TimeSpan.FromSeconds(seconds);
        Refuse(name, "a positive number of seconds");
        return null;
    }

    /// <summary>UAA's forms: true, false, "true", or a list of scopes; empty for none.</summary>
    public IReadOnlyList<string>? AutoApprove()
    {
        if (Find("autoapprove") is not { } value) return null;
        if (value.ValueKind == JsonValueKind.True) return ["true"];
        if (value.ValueKind == JsonValueKind.False) return [];
        var list = List("autoapprove", ',', ' ') ?? [];
        return list is ["false"] ? [] : list.Contains("true", StringComparer.Ordinal) ? ["true"] : list;
    }

    private JsonElement? Find(string name) => body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private void Refuse(string name, string wanted) => Fault ??= $"{name} must be {wanted}";
}
