using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace SecureMesh.Sdk;

/// <summary>One answer of a configuration server (Spring Cloud Config, environment JSON), merged to one set of .NET keys.</summary>
/// <param name="Version">Commit id or the like; null when the server names none.</param>
/// <param name="Values">Text by key, keys without case; placeholders stand as they came.</param>
internal sealed record ConfigEnvironment(string? Version, IReadOnlyDictionary<string, string> Values)
{
    /// <summary>Reads and merges; null when the text is no environment.</summary>
    public static bool TryParse(string json, [NotNullWhen(true)] out ConfigEnvironment? environment, out string? fault)
    {
        environment = null;
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("propertySources", out var sources) || sources.ValueKind != JsonValueKind.Array)
            {
                fault = "the answer has no propertySources";
                return false;
            }
            var merge = new Merge();
            foreach (var source in sources.EnumerateArray())
            {
                if (source.ValueKind != JsonValueKind.Object || !source.TryGetProperty("source", out var properties) || properties.ValueKind != JsonValueKind.Object)
                {
                    fault = "a property source of the answer has no source object";
                    return false;
                }
                merge.Add(properties);
            }
            var version = document.RootElement.TryGetProperty("version", out var v) && v.ValueKind == JsonValueKind.String ? v.GetString() : null;
            environment = new ConfigEnvironment(version, merge.Values);
            fault = null;
            return true;
        }
        catch (JsonException e)
        {
            fault = $"the answer is not JSON (line {e.LineNumber + 1})";
            return false;
        }
        catch (InvalidOperationException) // half of a surrogate pair, written as \ud800
        {
            fault = "the answer holds text that is not Unicode";
            return false;
        }
    }

    /// <summary>
    /// First source wins per key. A list belongs to one source as a whole, as Spring's binder has it: a profile that
    /// narrows <c>scopes: [ui, server]</c> to <c>[ui]</c> must not keep the second element.
    /// </summary>
    private sealed class Merge
    {
        private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

        public Dictionary<string, string> Values { get; } = new(StringComparer.OrdinalIgnoreCase);

        public void Add(JsonElement properties)
        {
            var found = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (var property in properties.EnumerateObject()) Add(property.Name, Unwrap(property.Value), found);
            _taken.UnionWith(found);
        }

        private void Add(string name, JsonElement value, HashSet<string> found)
        {
            var key = Key(name, out var lists);
            if (key.Length == 0 || _taken.Contains(key) || lists.Exists(_taken.Contains)) return;
            found.Add(key);
            found.UnionWith(lists);
            Values.TryAdd(key, Text(value));
        }

        // A server asked for the v2 form wraps values in {"value", "origin"}.
        private static JsonElement Unwrap(JsonElement value) =>
            value.ValueKind == JsonValueKind.Object && value.TryGetProperty("value", out var inner) ? inner : value;

        // Booleans and numbers stay as JSON spells them, which is invariant culture; an empty YAML value is empty text.
        private static string Text(JsonElement value) => value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Null => "",
            _ => value.GetRawText(),
        };
    }

    /// <summary>Turns <c>a.b[0].c</c> into <c>a:b:0:c</c>.</summary>
    /// <param name="name">The property name on the wire.</param>
    /// <param name="lists">The keys of the lists it is an element of.</param>
    internal static string Key(string name, out List<string> lists)
    {
        lists = [];
        var key = new System.Text.StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            var close = name[i] == '[' ? name.IndexOf(']', i) : -1;
            if (close > i)
            {
                // [0] is a list element, [any.text] a map key that may hold dots.
                var inner = name[(i + 1)..close];
                if (inner.Length > 0 && inner.All(char.IsAsciiDigit)) lists.Add(key.ToString());
                if (key.Length > 0 && key[^1] != ':') key.Append(':');
                key.Append(inner);
                i = close;
            }
            else if (name[i] != '.')
            {
                key.Append(name[i]);
            }
            else if (key.Length > 0 && key[^1] != ':')
            {
                key.Append(':');
            }
        }
        return key.ToString().TrimEnd(':');
    }
}
