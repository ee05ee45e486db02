using System.Text;
using Microsoft.Extensions.Options;
using SecureMesh.Config.Environments;
using SecureMesh.Sdk;

namespace SecureMesh.Config.Sources;

/// <summary>A git repository on this machine. A label is a branch, a tag or a commit id; the version is the commit id.</summary>
internal sealed partial class GitTrees : IFileTrees
{
    private static readonly TimeSpan Rescan = TimeSpan.FromSeconds(1);

    private readonly ConfigOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<GitTrees> _logger;
    private readonly GitCommand _git;
    private readonly GitTree _commits;
    private readonly ChangeSignal _signal = new();
    private volatile GitRefs? _refs;
    private volatile RepositoryState _state;
    private string? _stamp;

    public GitTrees(IOptions<ConfigOptions> options, TimeProvider time, ILogger<GitTrees> logger)
    {
        (_options, _time, _logger) = (options.Value, time, logger);
        _git = new GitCommand(Folder(Path.GetFullPath(_options.Repository)) ?? throw new InvalidOperationException("no git repository"));
        _commits = new GitTree(_git);
        _state = new("git", time.GetUtcNow(), null, null);
    }

    public Task Changed => _signal.Changed;
    public RepositoryState State => _state;

    /// <summary>The folder with git's own data, or null when this is no git repository: only its root counts, not a folder inside one.</summary>
    public static string? Folder(string repository)
    {
        var inside = Path.Join(repository, ".git");
        if (Directory.Exists(inside) || File.Exists(inside)) return inside;
        return File.Exists(Path.Join(repository, "HEAD")) && Directory.Exists(Path.Join(repository, "objects")) && Directory.Exists(Path.Join(repository, "refs")) ? repository : null;
    }

    public async Task<Result<FileViews>> OpenAsync(EnvironmentRequest request, CancellationToken cancellationToken)
    {
        string?[] labels = request.Labels.Count == 0 ? [null] : [.. request.Labels];
        var views = new List<FileView>();
        var versions = new List<string>();
        try
        {
            foreach (var label in labels)
            {
                if (await CommitAsync(label, cancellationToken) is not { } commit) return ConfigError.NoSuchLabel();
                var tree = await _commits.OpenAsync(commit, cancellationToken);
                var locations = SearchPaths.Expand(tree, _options.SearchPaths, request, label);
                views.Insert(0, new FileView(tree, locations, locations)); // the last label of a list wins
                versions.Add(commit);
            }
        }
        catch (IOException e)
        {
            Log.GitFailed(_logger, e.Message);
            return new ConfigError(500, "the repository cannot be read");
        }
        return new FileViews(views, string.Join(',', versions));
    }

    public async Task<Result<FileTree>> OpenDefaultAsync(CancellationToken cancellationToken)
    {
        if (await CommitAsync(null, cancellationToken) is not { } commit) return ConfigError.NoSuchLabel();
        return await _commits.OpenAsync(commit, cancellationToken);
    }

    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        try
        {
            await LookAsync(cancellationToken);
            if (await CommitAsync(null, cancellationToken) is null)
                throw new MeshStartException($"the git repository {_options.Repository} has no commit at its default label ({_options.DefaultLabel ?? "main, master or HEAD"}): commit the configuration, or set config:defaultLabel.");
        }
        catch (IOException e)
        {
            throw new MeshStartException($"the git repository {_options.Repository} cannot be read: {e.Message}.", e);
        }
    }

    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        var wake = new SemaphoreSlim(0); // never disposed: an event of the watcher may still be under way
        using var watcher = FolderWatcher.Start(_git.GitFolder is var folder && Directory.Exists(folder) ? folder : Path.GetDirectoryName(folder)!, () => wake.Release(), _logger);
        while (true)
        {
            if (await wake.WaitAsync(Rescan, cancellationToken)) await Task.Delay(TimeSpan.FromMilliseconds(40), _time, cancellationToken);
            while (wake.Wait(0, cancellationToken)) { } // one look serves all events so far
            try
            {
                var stamp = GitRefs.Stamp(_git.GitFolder);
                if (stamp is null || stamp != _stamp || _state.Fault is not null) await LookAsync(cancellationToken);
                else _state = _state with { CheckedAt = _time.GetUtcNow() };
                _stamp = stamp;
            }
            catch (IOException e)
            {
                if (_state.Fault is null) Log.GitFailed(_logger, e.Message);
                _state = _state with { Fault = e.Message };
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var refs = await GitRefs.ReadAsync(_git, cancellationToken);
        var changed = _refs is not { } before || !refs.SameAs(before);
        _refs = refs;
        _state = new("git", _time.GetUtcNow(), null, await CommitAsync(null, cancellationToken));
        if (changed) _signal.Raise();
    }

    private async Task<string?> CommitAsync(string? label, CancellationToken cancellationToken)
    {
        var refs = _refs ?? throw new IOException("not read yet");
        if (label is null) return _options.DefaultLabel is { } set ? refs.Commit(set) : refs.Commit("main") ?? refs.Commit("master") ?? refs.Head;
        if (refs.Commit(label) is { } named) return named;
        // Only hexadecimal digits ever reach the command line, so git's own syntax for revisions cannot be asked for.
        if (label.Length is < 7 or > 64 || !label.All(char.IsAsciiHexDigit)) return null;
        var id = await _git.TryRunAsync(cancellationToken, "rev-parse", "--verify", "--quiet", "--end-of-options", label + "^{commit}");
        return id is null ? null : Encoding.ASCII.GetString(id).Trim();
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.GitFailed, LogLevel.Error, "The git repository cannot be read: {Reason}")]
        public static partial void GitFailed(ILogger logger, string reason);
    }
}
