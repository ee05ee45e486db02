namespace SecureMesh.Config.Sources;

/// <summary>Loads the repository before the server listens, follows it while it runs, and names every file that is broken.</summary>
internal sealed partial class Repository(IFileTrees trees, ILogger<Repository> logger) : BackgroundService, IHostedLifecycleService
{
    private volatile IReadOnlyList<BrokenFile> _broken = [];

    /// <summary>The files of the default label that cannot be read now.</summary>
    public IReadOnlyList<BrokenFile> Broken => _broken;

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await trees.LoadAsync(cancellationToken);
        Log.Loaded(logger, trees.State.Kind, trees.State.Version);
        await CheckAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(trees.FollowAsync(stoppingToken), ReportAsync(stoppingToken));

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
        catch (IOException e)
        {
            Log.NotChecked(logger, e.Message);
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
        public static partial void NotChecked(ILogger logger, string reason);
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
