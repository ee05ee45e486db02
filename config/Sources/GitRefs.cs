using System.Globalization;
using System.Text;

namespace SecureMesh.Config.Sources;

/// <summary>Branches and tags of a repository with the commits they name, in one state.</summary>
internal sealed class GitRefs
{
    private readonly Dictionary<string, string> _commits = new(StringComparer.Ordinal);

    /// <summary>The commit that HEAD names; null in a repository without commits.</summary>
    public string? Head { get; private init; }

    /// <summary>Changes when a ref may have changed, so that git need not be asked every second; null when that cannot be told.</summary>
    public static string? Stamp(string gitFolder)
    {
        var refs = new DirectoryInfo(Path.Join(gitFolder, "refs"));
        if (!refs.Exists) return null; // a linked work tree keeps its refs elsewhere
        var files = refs.EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Append(new FileInfo(Path.Join(gitFolder, "HEAD"))).Append(new FileInfo(Path.Join(gitFolder, "packed-refs")));
        return string.Join('\n', files.Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.FullName} {file.LastWriteTimeUtc.Ticks}")).Order(StringComparer.Ordinal));
    }

    public static async Task<GitRefs> ReadAsync(GitCommand git, CancellationToken cancellationToken)
    {
        var output = await git.RunAsync(cancellationToken, "for-each-ref", "--format=%(refname) %(objectname) %(objecttype) %(*objectname) %(*objecttype)");
        var head = await git.TryRunAsync(cancellationToken, "rev-parse", "--verify", "--quiet", "HEAD^{commit}");
        var refs = new GitRefs { Head = head is null ? null : Encoding.ASCII.GetString(head).Trim() };
        foreach (var line in Encoding.UTF8.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(' ');
            if (parts[2] == "commit") refs._commits[parts[0]] = parts[1];
            else if (parts.Length > 4 && parts[4] == "commit") refs._commits[parts[0]] = parts[3]; // an annotated tag
        }
        return refs;
    }

    /// <summary>The commit of a branch or tag; a local branch wins over a tag, a tag over a branch of the origin.</summary>
    public string? Commit(string label) =>
        _commits.GetValueOrDefault("refs/heads/" + label) ?? _commits.GetValueOrDefault("refs/tags/" + label) ?? _commits.GetValueOrDefault("refs/remotes/origin/" + label);

    public bool SameAs(GitRefs other) => Head == other.Head && _commits.Count == other._commits.Count && _commits.All(pair => other._commits.GetValueOrDefault(pair.Key) == pair.Value);
}
