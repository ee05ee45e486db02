using Microsoft.Extensions.Options;
using SecureMesh.Config.Environments;
using SecureMesh.Sdk;

namespace SecureMesh.Config.Sources;

/// <summary>
/// A plain folder, held in memory. A changed file is taken over once it has kept still for a moment, so that a request
/// does not read what an editor has half written, and requests never touch the disk. Labels are subfolders.
/// </summary>
internal sealed partial class FolderTrees(IOptions<ConfigOptions> options, TimeProvider time, ILogger<FolderTrees> logger) : IFileTrees
{
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Rescan = TimeSpan.FromSeconds(1); // where the system reports no changes, as on network mounts
    private const int FailuresUntilFault = 5;

    private readonly string _root = Path.GetFullPath(options.Value.Repository);
    private readonly string _defaultLabel = options.Value.DefaultLabel ?? "master";
    private readonly ChangeSignal _signal = new();
    private readonly Dictionary<string, Sighting> _seen = new(StringComparer.Ordinal);
    private volatile FileTree _tree = FileTree.Empty;
    private volatile RepositoryState _state = new("folder", time.GetUtcNow(), null, null);
    private int _failures;

    public Task Changed => _signal.Changed;
    public RepositoryState State => _state;

    public Task<Result<FileTree>> OpenDefaultAsync(CancellationToken cancellationToken) => Task.FromResult<Result<FileTree>>(_tree);

    public Task<Result<FileViews>> OpenAsync(EnvironmentRequest request, CancellationToken cancellationToken)
    {
        if (_state.Fault is not null) return Task.FromResult<Result<FileViews>>(new ConfigError(500, "the repository cannot be read"));
        var tree = _tree;
        string[] labels = request.Labels.Count == 0 ? [_defaultLabel] : [.. request.Labels];
        var plain = SearchPaths.Expand(tree, options.Value.SearchPaths, request, labels[0]);
        // An unknown label only adds a folder that does not exist. The first label of a list wins.
        var labelled = labels.Reverse().SelectMany(label => plain.Select(location => $"{location}{label.Trim('/')}/")).ToArray();
        // For files the first location that has one wins; a labelled one is the more specific.
        var fileLocations = labels.SelectMany(label => plain.Select(location => $"{location}{label.Trim('/')}/")).Concat(plain).ToArray();
        var view = new FileView(tree, [.. plain, .. labelled], fileLocations);
        return Task.FromResult<Result<FileViews>>(new FileViews([view], null));
    }

    public Task LoadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!Directory.Exists(_root))
                throw new MeshStartException($"the configuration repository {_root} is not a folder that can be read: name an existing one in config:repository (CONFIG__REPOSITORY).");
            Look(atOnce: true);
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeshStartException($"the configuration repository {_root} cannot be read: {e.Message}", e);
        }
    }

    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        var wake = new SemaphoreSlim(0); // never disposed: an event of the watcher may still be under way
        using var watcher = FolderWatcher.Start(_root, () => wake.Release(), logger);
        while (true)
        {
            await wake.WaitAsync(Rescan, cancellationToken);
            while (Unsettled())
            {
                await Task.Delay(Glance, time, cancellationToken);
                while (wake.Wait(0, cancellationToken)) { } // one look serves all events so far
            }
        }
    }

    // True when something moved that is not yet taken over.
    private bool Unsettled()
    {
        try
        {
            var pending = Look(atOnce: false);
            _failures = 0;
            _state = new("folder", time.GetUtcNow(), null, null);
            return pending;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that is being replaced is gone for a moment: only a lasting failure counts.
            if (++_failures == FailuresUntilFault)
            {
                Log.Unreadable(logger, e);
                _state = _state with { Fault = e.GetType().Name };
            }
            return _failures < FailuresUntilFault;
        }
    }

    private bool Look(bool atOnce)
    {
        var found = FolderScan.Run(_root);
        var now = time.GetTimestamp();
        var known = _tree.Files;
        var changed = new Dictionary<string, TreeFile?>(StringComparer.Ordinal);
        var pending = false;
        var realRoot = FolderScan.RealPath(_root);
        foreach (var path in found.Keys.Concat(known.Keys.Where(path => !found.ContainsKey(path))))
        {
            FileStamp? stamp = found.TryGetValue(path, out var present) ? present : null;
            if (stamp == (known.GetValueOrDefault(path) as FolderFile)?.Stamp)
            {
                _seen.Remove(path);
                continue;
            }
            if (!_seen.TryGetValue(path, out var sighting) || sighting.Stamp != stamp) _seen[path] = sighting = new(stamp, now);
            var file = atOnce || time.GetElapsedTime(sighting.Since, now) >= Settle ? Take(realRoot, path, stamp) : null;
            if (file is null && !(stamp is null && time.GetElapsedTime(sighting.Since, now) >= Settle))
            {
                pending = true;
                continue;
            }
            changed[path] = file;
            _seen.Remove(path);
        }
        if (changed.Count > 0) Publish(changed);
        return pending;
    }

    private static FolderFile? Take(string realRoot, string path, FileStamp? stamp)
    {
        try
        {
            return stamp is { } present ? FolderFile.Read(realRoot, path, present) : null;
        }
        catch (IOException)
        {
            return null; // gone or being written: the next look decides
        }
    }

    private void Publish(Dictionary<string, TreeFile?> changed)
    {
        var files = new Dictionary<string, TreeFile>(_tree.Files, StringComparer.Ordinal);
        foreach (var (path, file) in changed)
        {
            if (file is null) files.Remove(path);
            else files[path] = file;
        }
        _tree = new FileTree(files);
        _signal.Raise();
    }

    private readonly record struct Sighting(FileStamp? Stamp, long Since);

    private static partial class Log
    {
        [LoggerMessage(EventIds.RepositoryUnreadable, LogLevel.Error, "The configuration repository can no longer be read; requests are answered with 500 until it can")]
        public static partial void Unreadable(ILogger logger, Exception exception);
    }
}
