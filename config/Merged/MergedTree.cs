using System.Globalization;

namespace SecureMesh.Config.Merged;

/// <summary>Flat keys as nested maps and lists: <c>a.b[0].c</c> becomes <c>a: {b: [{c: …}]}</c>.</summary>
internal static class MergedTree
{
    private const int LongestList = 10_000;
    private const int DeepestNesting = 200;

    /// <summary>A tree of <see cref="SortedDictionary{TKey,TValue}"/>, <see cref="List{T}"/> and scalars; 400 for a key that makes none.</summary>
    public static Result<SortedDictionary<string, object?>> Of(IEnumerable<KeyValuePair<string, object>> properties)
    {
        var root = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        // Shorter keys first: 'x' must be there before 'x.y' to find that the name is taken.
        foreach (var (key, value) in properties.OrderBy(pair => pair.Key.Length).ThenBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var steps = Steps(key);
            if (!steps.IsSuccess) return steps.Error;
            Put(root, steps.Value, value, key);
        }
        return root;
    }

    private static void Put(SortedDictionary<string, object?> root, List<object> steps, object value, string key)
    {
        if (CanPut(root, steps)) Put(root, steps, value);
        else PutAsSibling(root, steps, value, key);
    }

    private static bool CanPut(object? node, List<object> steps)
    {
        foreach (var step in steps)
        {
            switch (node, step)
            {
                case (SortedDictionary<string, object?> map, string name): if (!map.TryGetValue(name, out node)) return true; break;
                case (List<object?> list, int index): if (index >= list.Count || list[index] is null) return true; node = list[index]; break;
                default: return false;
            }
        }
        return false; // the place is taken
    }

    private static void Put(object node, List<object> steps, object value)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            object? child = i == steps.Count - 1 ? value : Get(node, steps[i]);
            child ??= steps[i + 1] is int ? new List<object?>() : new SortedDictionary<string, object?>(StringComparer.Ordinal);
            Set(node, steps[i], child);
            node = child;
        }
    }

    // 'x: 1' and 'x.y: 2': the second becomes a key 'x.y' beside the first, at the deepest place that still is a map.
    private static void PutAsSibling(SortedDictionary<string, object?> root, List<object> steps, object value, string key)
    {
        object? node = root;
        var (map, from) = (root, 0);
        for (var i = 0; i < steps.Count && node is not null; i++)
        {
            if (node is SortedDictionary<string, object?> here) (map, from) = (here, i);
            node = Get(node, steps[i]);
        }
        map[from == 0 ? key : Text(steps[from..])] = value;
    }

    private static string Text(List<object> steps)
    {
        var text = new System.Text.StringBuilder();
        foreach (var step in steps)
        {
            if (step is int index) text.Append(CultureInfo.InvariantCulture, $"[{index}]");
            else text.Append(text.Length == 0 ? "" : ".").Append(step);
        }
        return text.ToString();
    }

    private static object? Get(object node, object step) => (node, step) switch
    {
        (SortedDictionary<string, object?> map, string name) => map.GetValueOrDefault(name),
        (List<object?> list, int index) when index < list.Count => list[index],
        _ => null,
    };

    private static void Set(object node, object step, object value)
    {
        if (node is SortedDictionary<string, object?> map) map[(string)step] = value;
        else if (node is List<object?> list)
        {
            while (list.Count <= (int)step) list.Add(null); // a gap in the list
            list[(int)step] = value;
        }
    }

    // Names (string) and places in lists (int). Brackets around anything but a number stay part of the name: map[a.b].
    private static Result<List<object>> Steps(string key)
    {
        var steps = new List<object>();
        var name = new System.Text.StringBuilder();
        var afterIndex = false;
        for (var at = 0; at < key.Length; at++)
        {
            if (key[at] == '.')
            {
                if (name.Length == 0 && !afterIndex) return Malformed(key);
                Flush();
                afterIndex = false;
                if (at == key.Length - 1) return Malformed(key);
            }
            else if (key[at] == '[' && key.IndexOf(']', at) is var close && close > at)
            {
                var inner = key.AsSpan(at + 1, close - at - 1);
                if ((name.Length > 0 || afterIndex) && int.TryParse(inner, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
                {
                    if (index >= LongestList) return ConfigError.Invalid($"the list index in '{key}' is beyond {LongestList - 1}");
                    Flush();
                    steps.Add(index);
                    afterIndex = true;
                }
                else
                {
                    name.Append(key, at, close - at + 1);
                }
                at = close;
            }
            else
            {
                name.Append(key[at]);
            }
        }
        Flush();
        return steps.Count is 0 or > DeepestNesting ? Malformed(key) : steps;

        void Flush()
        {
            if (name.Length > 0) steps.Add(name.ToString());
            name.Clear();
        }
    }

    private static ConfigError Malformed(string key) => ConfigError.Invalid($"the key '{key}' cannot be written as a tree");
}
