namespace SecureMesh.Config.Sources;

/// <summary>Tells that something below a folder moved. A hint only: the regular look at the files finds the same, later.</summary>
internal sealed partial class FolderWatcher : IDisposable
{
    private readonly FileSystemWatcher _watcher;

    private FolderWatcher(FileSystemWatcher watcher) => _watcher = watcher;

    public static FolderWatcher? Start(string folder, Action moved, ILogger logger)
    {
        try
        {
            var watcher = new FileSystemWatcher(folder)
            {
                IncludeSubdirectories = true,
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size,
            };
            watcher.Changed += (_, _) => moved();
            watcher.Created += (_, _) => moved();
            watcher.Deleted += (_, _) => moved();
            watcher.Renamed += (_, _) => moved();
            watcher.Error += (_, _) => moved(); // events were lost
            watcher.EnableRaisingEvents = true;
            return new(watcher);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Log.WatcherFailed(logger, e.Message);
            return null;
        }
    }

    public void Dispose() => _watcher.Dispose();

    private static partial class Log
    {
        [LoggerMessage(EventIds.WatcherFailed, LogLevel.Warning, "The system does not report changes of the configuration repository ({Reason}); it is looked at once a second instead")]
        public static partial void WatcherFailed(ILogger logger, string reason);
    }
}
