using System.Text.Json;
using SecureMesh.Sdk;

namespace SecureMesh.Account.Protocol;

/// <summary>
/// Reads the members of a JSON object and collects what is wrong with each, so that a caller learns all faults at once.
/// A value that was refused never stands in a message: it may be a password.
/// </summary>
internal sealed class FieldReader
{
    // A body can hold thousands of faults; the answer need not.
    private const int MaxFaults = 50;

    private readonly JsonElement _json;
    private readonly string _path;
    private readonly Dictionary<string, string[]> _faults;

    public FieldReader(JsonElement json) : this(json, "", new Dictionary<string, string[]>(StringComparer.Ordinal)) { }

    private FieldReader(JsonElement json, string path, Dictionary<string, string[]> faults) => (_json, _path, _faults) = (json, path, faults);

    /// <summary>The answer that names every fault found so far; null when there is none.</summary>
    public Problem? Refusal => _faults.Count == 0 ? null : new Problem(400, "invalid_request", "The request has invalid fields") { Errors = _faults };

    public bool TooManyFaults => _faults.Count >= MaxFaults;

    public string RequiredText(string name, int min, int max)
    {
        if (Find(name) is { ValueKind: JsonValueKind.String } value) return Measured(name, value.GetString()!, min, max);
        return Fault(name, "is required and must be a string", "");
    }

    public string? OptionalText(string name, int max) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => Measured(name, value.GetString()!, 0, max),
        _ => Fault<string?>(name, "must be a string or null", null),
    };

    /// <summary>A value that a rule of the slice accepts from its text: a JSON string, or the digits of a JSON number.</summary>
    public T Value<T>(string name, string rule, T otherwise, TryParse<T> parse) => Find(name) switch
    {
        { ValueKind: JsonValueKind.String } value when parse(value.GetString()!, out var result) => result!,
        { ValueKind: JsonValueKind.Number } value when parse(value.GetRawText(), out var result) => result!,
        _ => Fault(name, "is required and must be " + rule, otherwise),
    };

    /// <summary>One of the names of an enum, written exactly so.</summary>
    public T Choice<T>(string name) where T : struct, Enum
    {
        var names = Enum.GetNames<T>();
        var index = Find(name) is { ValueKind: JsonValueKind.String } value ? Array.IndexOf(names, value.GetString()) : -1;
        return index >= 0 ? Enum.Parse<T>(names[index]) : Fault(name, "is required and must be one of " + string.Join(", ", names), default(T));
    }

    public bool Flag(string name) => Find(name) switch
    {
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        _ => Fault(name, "is required and must be true or false", false),
    };

    public FieldReader? RequiredObject(string name) =>
        Find(name) is { ValueKind: JsonValueKind.Object } value ? Below(value, name) : Fault<FieldReader?>(name, "is required and must be an object", null);

    /// <summary>The elements of a list of objects; null when the member is absent or null.</summary>
    public IReadOnlyList<FieldReader>? OptionalObjects(string name, int max)
    {
        if (Find(name) is not { } list) return null;
        if (list.ValueKind != JsonValueKind.Array) return Fault<FieldReader[]>(name, "must be a list or null", []);
        if (list.GetArrayLength() > max) return Fault<FieldReader[]>(name, $"must not have more than {max} elements", []);
        return [.. list.EnumerateArray().Select((element, index) => Below(element, $"{name}[{index}]")).Where(IsObject)];
    }

    /// <summary>Notes a fault of a member.</summary>
    public T Fault<T>(string name, string message, T otherwise)
    {
        if (!TooManyFaults) _faults[_path + name] = [message];
        return otherwise;
    }

    private bool IsObject(FieldReader element)
    {
        if (element._json.ValueKind == JsonValueKind.Object) return true;
        if (!TooManyFaults) _faults[element._path.TrimEnd('.')] = ["must be an object"];
        return false;
    }

    private FieldReader Below(JsonElement json, string name) => new(json, _path + name + ".", _faults);

    private JsonElement? Find(string name) => _json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private string Measured(string name, string text, int min, int max) =>
        text.Length >= min && text.Length <= max ? text : Fault(name, min == 0 ? $"must not be longer than {max} characters" : $"must have {min} to {max} characters", text);
}

internal delegate bool TryParse<T>(string text, out T? value);
