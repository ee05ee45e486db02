using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace SecureMesh.Config.Sources;

/// <summary>Reads the files of commits from the object database: no checkout, so no lock, no working copy to tamper with.</summary>
internal sealed class GitTree(GitCommand git)
{
    private const int MostTrees = 32;
    private readonly ConcurrentDictionary<string, FileTree> _trees = new(StringComparer.Ordinal);

    /// <summary>The files of a commit, which never change.</summary>
    /// <param name="commit">Full commit id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<FileTree> OpenAsync(string commit, CancellationToken cancellationToken)
    {
        if (_trees.TryGetValue(commit, out var known)) return known;
        var modified = CommitTime(await git.RunAsync(cancellationToken, "cat-file", "commit", commit));
        var listing = Encoding.UTF8.GetString(await git.RunAsync(cancellationToken, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"));
        var files = new Dictionary<string, TreeFile>(StringComparer.Ordinal);
        foreach (var line in listing.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var tab = line.IndexOf('\t', StringComparison.Ordinal);
            var fields = line[..tab].Split(' ', StringSplitOptions.RemoveEmptyEntries); // mode, type, id, size
            var path = line[(tab + 1)..];
            if (fields[1] != "blob" || FileTree.IsHidden(path)) continue;
            var isRegular = fields[0].StartsWith("100", StringComparison.Ordinal); // 120000 is a symbolic link
            files[path] = new Blob(git, path, fields[2], long.Parse(fields[3], CultureInfo.InvariantCulture), modified, isRegular);
            if (files.Count > FileTree.MostFiles) throw new IOException($"more than {FileTree.MostFiles} files");
        }
        if (_trees.Count >= MostTrees) _trees.Clear();
        return _trees.GetOrAdd(commit, new FileTree(files));
    }

    private static DateTimeOffset CommitTime(byte[] commit)
    {
        var line = Encoding.UTF8.GetString(commit).Split('\n').First(line => line.StartsWith("committer ", StringComparison.Ordinal));
        var seconds = line[(line.LastIndexOf('>') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return DateTimeOffset.FromUnixTimeSeconds(long.Parse(seconds, CultureInfo.InvariantCulture));
    }

    private sealed class Blob(GitCommand git, string path, string id, long length, DateTimeOffset modified, bool isRegular) : TreeFile(path, length, modified)
    {
        private byte[]? _content;

        public override string? Fault => isRegular ? base.Fault : "a symbolic link";

        public override async Task<byte[]> ReadAsync(CancellationToken cancellationToken) =>
            _content ??= await git.RunAsync(cancellationToken, "cat-file", "blob", id);
    }
}
