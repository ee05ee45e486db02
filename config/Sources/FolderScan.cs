using System.IO.Enumeration;

namespace SecureMesh.Config.Sources;

/// <summary>What tells two states of a file apart without reading it.</summary>
/// <param name="Length">Size in bytes.</param>
/// <param name="Modified">Time of the last writing.</param>
/// <param name="Target">Where a link leads in the end; null for a plain file. A mounted ConfigMap changes by this alone.</param>
internal readonly record struct FileStamp(long Length, DateTime Modified, string? Target);

/// <summary>Lists the files of a folder with their stamps; folders that are links are not entered, hidden names left out.</summary>
internal static class FolderScan
{
    private static readonly EnumerationOptions Options = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 32,
        AttributesToSkip = 0,
        IgnoreInaccessible = false,
    };

    public static Dictionary<string, FileStamp> Run(string root)
    {
        var found = new FileSystemEnumerable<(string Path, FileStamp Stamp)>(root, (ref FileSystemEntry entry) => (Relative(ref entry), Stamp(ref entry)), Options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && !FileTree.IsHidden(entry.FileName),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !FileTree.IsHidden(entry.FileName) && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };
        var files = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        foreach (var (path, stamp) in found)
        {
            files[path] = stamp;
            if (files.Count > FileTree.MostFiles) throw new IOException($"more than {FileTree.MostFiles} files");
        }
        if (files.Values.Sum(stamp => stamp.Length > FileTree.LargestFileBytes ? 0 : stamp.Length) > FileTree.LargestTreeBytes)
            throw new IOException($"more than {FileTree.LargestTreeBytes} bytes in all");
        return files;
    }

    /// <summary>The path without any link in it.</summary>
    public static string RealPath(string path)
    {
        var full = Path.GetFullPath(path);
        var real = Path.GetPathRoot(full)!;
        foreach (var part in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Join(real, part);
            if (new DirectoryInfo(real) is { Exists: true, LinkTarget: not null } link) real = RealPath(link.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        }
        return real;
    }

    private static string Relative(ref FileSystemEntry entry)
    {
        var path = entry.ToFullPath()[(entry.RootDirectory.TrimEnd(Path.DirectorySeparatorChar).Length + 1)..];
        return Path.DirectorySeparatorChar == '/' ? path : path.Replace(Path.DirectorySeparatorChar, '/');
    }

    private static FileStamp Stamp(ref FileSystemEntry entry)
    {
        if (!entry.Attributes.HasFlag(FileAttributes.ReparsePoint)) return new(entry.Length, entry.LastWriteTimeUtc.UtcDateTime, null);
        try
        {
            var target = new FileInfo(entry.ToFullPath()).ResolveLinkTarget(returnFinalTarget: true) as FileInfo;
            // The folders on the way may be links too: a ConfigMap's '..data' is the only link that moves.
            return target is { Exists: true } ? new(target.Length, target.LastWriteTimeUtc, Path.Join(RealPath(target.DirectoryName!), target.Name)) : new(0, DateTime.UnixEpoch, "");
        }
        catch (IOException) // links in a circle
        {
            return new(0, DateTime.UnixEpoch, "");
        }
    }
}
