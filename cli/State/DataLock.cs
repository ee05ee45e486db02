namespace SecureMesh.Cli.State;

/// <summary>
/// Held by the supervisor of a data folder for as long as it lives. The operating system drops it with the process
/// (flock(2)), so a lock of a dead supervisor never stands in the way.
/// </summary>
internal sealed class DataLock : IDisposable
{
    private readonly FileStream _file;

    private DataLock(FileStream file) => _file = file;

    public static DataLock? TryTake(string data)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return new DataLock(new FileStream(Path.Combine(data, "lock"), options));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>True when a supervisor runs on this data folder.</summary>
    public static bool IsTaken(string data)
    {
        if (!File.Exists(Path.Combine(data, "lock"))) return false;
        using var mine = TryTake(data);
        return mine is null;
    }

    public void Dispose() => _file.Dispose();
}
