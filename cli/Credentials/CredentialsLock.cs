using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Credentials;

/// <summary>One process at a time (flock(2)); the operating system drops it with the process, so nobody waits for a dead one.</summary>
internal sealed class CredentialsLock : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    // Longer than a renewal may take: its holder waits for the network.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FileStream _file;

    private CredentialsLock(FileStream file) => _file = file;

    public static async Task<CredentialsLock> TakeAsync(string path, TimeProvider clock, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryTake(path) is { } taken) return taken;
            if (clock.GetElapsedTime(began) > Patience)
                throw CommandFailure.Configuration($"another process holds {path} for more than {Patience.TotalSeconds:0} seconds.");
            await Task.Delay(Interval, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _file.Dispose();

    private static CredentialsLock? TryTake(string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return new CredentialsLock(new FileStream(path, options));
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or PathTooLongException))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandFailure.Configuration($"{path} cannot be written ({e.Message.TrimEnd('.')}): name another credentials file with MESH_CREDENTIALS.", e);
        }
    }
}
