namespace SecureMesh.Config.Sources;

/// <summary>Loads the repository before the server listens, follows it while it runs, and names every file that is broken.</summary>
internal sealed partial class Repository(IFileTrees trees, TimeProvider time, ILogger<Repository> logger) : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile IReadOnlyList<BrokenFile> _broken = [];

    /// <summary>The files of the default label that cannot be read now.</summary>
    public IReadOnlyList<BrokenFile> Broken => _broken;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await trees.LoadAsync(cancellationToken);
        Log.Loaded(logger, trees.State.Kind, trees.State.Version);
        await CheckAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        KeepAsync("following", trees.FollowAsync, stoppingToken),
        KeepAsync("reporting", ReportAsync, stoppingToken));

    // Neither half may end while the server runs: changes would no longer be seen, or broken files no longer be named.
    private async Task KeepAsync(string half, Func<CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await run(cancellationToken);
            }
            catch (Exception e) when (e is not OutOfMemoryException && !cancellationToken.IsCancellationRequested)
            {
                Log.HalfEnded(logger, half, e);
            }
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = trees.Changed;
            await CheckAsync(cancellationToken);
            await changed.WaitAsync(cancellationToken);
            Log.Changed(logger, trees.State.Version);
        }
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        try
        {
            var tree = await trees.OpenDefaultAsync(cancellationToken);
            if (!tree.IsSuccess) return;
            var broken = await BrokenFile.FindAsync(tree.Value, cancellationToken);
            foreach (var file in broken.Except(_broken)) Log.Broken(logger, file.Path, file.Fault);
            _broken = broken;
        }
        catch (Exception e) when (e is not OutOfMemoryException && !cancellationToken.IsCancellationRequested)
        {
            Log.NotChecked(logger, e.Message, e is IOException ? null : e); // git died under way, or a fault of this server
        }
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static partial class Log
    {
        [LoggerMessage(EventIds.RepositoryLoaded, LogLevel.Information, "Serving a {Kind} repository, version {Version}")]
        public static partial void Loaded(ILogger logger, string kind, string? version);

        [LoggerMessage(EventIds.RepositoryChanged, LogLevel.Information, "The repository changed, version {Version}")]
        public static partial void Changed(ILogger logger, string? version);

        [LoggerMessage(EventIds.FileBroken, LogLevel.Error, "{File} cannot be read ({Fault}); requests that need it are answered with 500 until it is mended")]
        public static partial void Broken(ILogger logger, string file, string fault);

        [LoggerMessage(EventIds.NotChecked, LogLevel.Error, "The repository's files were not checked: {Reason}")]
        public static partial void NotChecked(ILogger logger, string reason, Exception? exception);

        [LoggerMessage(EventIds.HalfEnded, LogLevel.Error, "The {Half} of the repository ended by a fault and begins again in a second")]
        public static partial void HalfEnded(ILogger logger, string half, Exception exception);
    }
}

/// <summary>A configuration file that cannot be read, and why.</summary>
internal sealed record BrokenFile(string Path, int Line, string Fault)
{
    public static async Task<IReadOnlyList<BrokenFile>> FindAsync(FileTree tree, CancellationToken cancellationToken)
    {
        var broken = new List<BrokenFile>();
        foreach (var file in tree.ConfigFiles)
        {
            if (await file.ParseAsync(cancellationToken) is { Fault: { } fault } content) broken.Add(new(file.Path, content.Line, fault));
        }
        return broken;
    }
}
