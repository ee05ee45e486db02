using System.IO.Enumeration;
using SecureMesh.Config.Environments;

namespace SecureMesh.Config.Sources;

/// <summary>The folders of a tree that a request searches, as prefixes: the root first, then the configured ones.</summary>
internal static class SearchPaths
{
    public static IReadOnlyList<string> Expand(FileTree tree, IReadOnlyList<string> configured, EnvironmentRequest request, string? label)
    {
        var locations = new List<string> { "" };
        foreach (var pattern in configured)
        {
            foreach (var path in Filled(pattern, request, label))
            {
                var folder = path.Trim('/') + "/";
                if (folder == "/") continue;
                if (!folder.Contains('*', StringComparison.Ordinal)) locations.Add(folder);
                else locations.AddRange(tree.AllFolders.Where(known => Matches(folder, known)).Order(StringComparer.Ordinal));
            }
        }
        return [.. locations.Distinct(StringComparer.Ordinal)];
    }

    // The values were validated with the request: they cannot climb.
    private static IEnumerable<string> Filled(string pattern, EnvironmentRequest request, string? label)
    {
        IEnumerable<string> paths = [pattern];
        if (pattern.Contains("{application}", StringComparison.Ordinal))
            paths = paths.SelectMany(path => request.Applications.Select(name => path.Replace("{application}", name, StringComparison.Ordinal)));
        if (pattern.Contains("{profile}", StringComparison.Ordinal))
            paths = paths.SelectMany(path => request.Profiles.Select(name => path.Replace("{profile}", name, StringComparison.Ordinal)));
        if (pattern.Contains("{label}", StringComparison.Ordinal))
            paths = label is null ? [] : paths.Select(path => path.Replace("{label}", label, StringComparison.Ordinal));
        return paths;
    }

    private static bool Matches(string pattern, string folder)
    {
        var wanted = pattern.TrimEnd('/').Split('/');
        var parts = folder.TrimEnd('/').Split('/');
        return wanted.Length == parts.Length && wanted.Zip(parts).All(pair => FileSystemName.MatchesSimpleExpression(pair.First, pair.Second, ignoreCase: false));
    }
}
