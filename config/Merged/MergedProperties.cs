using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Merged;

/// <summary>All property sources of an environment as one map: a higher one replaces a lower one, key by key, lists as a whole.</summary>
internal static class MergedProperties
{
    public static SortedDictionary<string, object> Of(ConfigEnvironment environment)
    {
        var merged = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var source in environment.PropertySources.Reverse())
        {
            // A list that is shorter up here must not keep the tail of the one below.
            var lists = source.Properties.Select(property => ListName(property.Key)).Where(name => name is not null).ToHashSet(StringComparer.Ordinal);
            if (lists.Count > 0)
            {
                foreach (var key in merged.Keys.Where(key => lists.Contains(ListName(key))).ToArray()) merged.Remove(key);
            }
            foreach (var (key, value, _) in source.Properties) merged[key] = value;
        }
        return merged;
    }

    private static string? ListName(string key) => key.IndexOf('[', StringComparison.Ordinal) is var bracket && bracket >= 0 ? key[..bracket] : null;
}
