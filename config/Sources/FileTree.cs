using System.Runtime.CompilerServices;
using SecureMesh.Config.Documents;

namespace SecureMesh.Config.Sources;

/// <summary>
/// All files of a repository in one state. What a request names is looked up here and never becomes a path of the file
/// system or an argument of a command, so no request can climb out of the repository.
/// </summary>
/// <param name="Files">By path with '/', relative to the root.</param>
internal sealed record FileTree(IReadOnlyDictionary<string, TreeFile> Files)
{
    /// <summary>Larger files are neither read nor served.</summary>
    public const int LargestFileBytes = 1024 * 1024;

    /// <summary>More files than this are refused as a whole: it is then hardly a configuration repository.</summary>
    public const int MostFiles = 10_000;

    /// <summary>Largest sum of the files that are kept in memory.</summary>
    public const long LargestTreeBytes = 64L * 1024 * 1024;

    public static readonly FileTree Empty = new(new Dictionary<string, TreeFile>(StringComparer.Ordinal));

    private readonly Lazy<IReadOnlyCollection<string>> _folders = new(() => Folders(Files));

    /// <summary>All folders, each ending in '/'.</summary>
    public IReadOnlyCollection<string> AllFolders => _folders.Value;

    /// <summary>The files that are configuration by their extension.</summary>
    public IEnumerable<TreeFile> ConfigFiles => Files.Values.Where(file => ConfigFile.Extensions.Contains(file.Extension)).OrderBy(file => file.Path, StringComparer.Ordinal);

    /// <summary>Names that begin with a point are no configuration: .git, .env, an editor's leavings.</summary>
    public static bool IsHidden(ReadOnlySpan<char> path) => path.StartsWith('.') || path.Contains("/.", StringComparison.Ordinal);

    private static HashSet<string> Folders(IReadOnlyDictionary<string, TreeFile> files)
    {
        var folders = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in files.Keys)
        {
            for (var slash = path.LastIndexOf('/'); slash > 0 && folders.Add(path[..(slash + 1)]);) slash = path.LastIndexOf('/', slash - 1);
        }
        return folders;
    }
}

/// <summary>One immutable file of a tree.</summary>
internal abstract class TreeFile(string path, long length, DateTimeOffset modified)
{
    // Keyed by the instance: as long as the file stays in the tree it is parsed once.
    private static readonly ConditionalWeakTable<TreeFile, ConfigFile> Parsed = [];

    public string Path { get; } = path;
    public long Length { get; } = length;
    public DateTimeOffset Modified { get; } = modified;
    public string Extension { get; } = System.IO.Path.GetExtension(path);

    /// <summary>Why the file is there but must not be served; null when it may be.</summary>
    public virtual string? Fault => Length > FileTree.LargestFileBytes ? $"larger than {FileTree.LargestFileBytes} bytes" : null;

    /// <summary>The whole content; never called for a file with a fault.</summary>
    public abstract Task<byte[]> ReadAsync(CancellationToken cancellationToken);

    public async Task<ConfigFile> ParseAsync(CancellationToken cancellationToken)
    {
        if (Parsed.TryGetValue(this, out var known)) return known;
        var file = Fault is { } fault ? new ConfigFile([], fault) : ConfigFile.Read(Extension, await ReadAsync(cancellationToken));
        return Parsed.GetValue(this, _ => file);
    }
}
