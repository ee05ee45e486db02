namespace SecureMesh.Cli.Supervision;

/// <summary>A log of one process, readable by its owner alone: 10 MB, then the next file; three old ones are kept.</summary>
internal sealed class LogFile(string path, long largestBytes = LogFile.DefaultLargestBytes) : IDisposable
{
    public const long DefaultLargestBytes = 10 * 1024 * 1024;
    public const int Kept = 3;

    private readonly Lock _lock = new();
    private FileStream? _file;

    public string Path => path;

    /// <summary>Appends whole lines. A full disk loses lines; it must not stop the process that writes them.</summary>
    public void Append(ReadOnlySpan<byte> lines)
    {
        lock (_lock)
        {
            try
            {
                _file ??= Open();
                if (_file.Length > 0 && _file.Length + lines.Length > largestBytes) Rotate();
                _file!.Write(lines);
                _file.Flush();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _file?.Dispose();
                _file = null;
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Rotate()
    {
        _file!.Dispose();
        _file = null;
        for (var number = Kept - 1; number >= 1; number--)
            if (File.Exists($"{path}.{number}")) File.Move($"{path}.{number}", $"{path}.{number + 1}", overwrite: true);
        File.Move(path, path + ".1", overwrite: true);
        _file = Open();
    }

    private FileStream Open()
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }
}
