namespace SecureMesh.Config.Sources;

/// <summary>A file of a folder, read when it had settled.</summary>
internal sealed class FolderFile : TreeFile
{
    private readonly byte[] _content;
    private readonly string? _fault;

    private FolderFile(string path, FileStamp stamp, byte[] content, string? fault)
        : base(path, stamp.Length, new DateTimeOffset(stamp.Modified, TimeSpan.Zero)) => (Stamp, _content, _fault) = (stamp, content, fault);

    public FileStamp Stamp { get; }

    public override string? Fault => _fault ?? base.Fault;

    public override Task<byte[]> ReadAsync(CancellationToken cancellationToken) => Task.FromResult(_content);

    /// <summary>Reads the file; null when it no longer looks like its stamp.</summary>
    public static FolderFile? Read(string realRoot, string path, FileStamp stamp)
    {
        if (stamp.Length > FileTree.LargestFileBytes) return new(path, stamp, [], null);
        using var handle = RegularFile.Open(realRoot, System.IO.Path.Join(realRoot, path));
        if (handle is null) return new(path, stamp, [], "cannot be read, or is no regular file below the repository");
        var content = new byte[stamp.Length];
        var read = 0;
        while (read < content.Length && RandomAccess.Read(handle, content.AsSpan(read), read) is var count and > 0) read += count;
        var unchanged = read == content.Length && RandomAccess.GetLength(handle) == stamp.Length && File.GetLastWriteTimeUtc(handle) == stamp.Modified;
        return unchanged ? new(path, stamp, content, null) : null;
    }
}
