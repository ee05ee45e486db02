using Microsoft.Extensions.Logging;
using SecureMesh.Config.Environments;
using SecureMesh.Config.Sources;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>What follows the repository and what reports broken files begin again after any fault.</summary>
public sealed class RepositoryLoopTests : IDisposable
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(30);

    private readonly TestClock _clock = new();
    private readonly Trees _trees = new();
    private readonly Lines _lines = new();
    private readonly Repository _repository;

    public RepositoryLoopTests() => _repository = new Repository(_trees, _clock, _lines);

    [Fact]
    public async Task Following_begins_again_a_second_after_a_fault_and_the_log_says_so()
    {
        _trees.Follow = () => throw new InvalidOperationException("no part of any plan");
        await StartAsync();
        await UntilAsync(() => _lines.Any("The following of the repository ended"));

        _trees.Follow = () => Task.CompletedTask;
        await UntilAsync(() => _trees.Follows >= 3); // an end without a fault is none either
    }

    [Fact]
    public async Task A_check_that_fails_is_logged_and_the_next_one_is_made()
    {
        _trees.Open = () => throw new InvalidOperationException("no part of any plan");
        await StartAsync();
        Assert.True(_lines.Any("The repository's files were not checked: no part of any plan"));

        _trees.Open = () => new FileTree(new Dictionary<string, TreeFile>(StringComparer.Ordinal) { ["foo.yml"] = new Text("foo.yml", "a: [\nb: 1\n") });
        _trees.Signal.Raise();

        await UntilAsync(() => _repository.Broken is [{ Path: "foo.yml", Line: 2 }]);
    }

    [Fact]
    public async Task Reporting_begins_again_a_second_after_a_fault()
    {
        _trees.ChangedFault = true;
        await StartAsync();
        await UntilAsync(() => _lines.Any("The reporting of the repository ended"));

        _trees.ChangedFault = false;
        _trees.Open = () => new FileTree(new Dictionary<string, TreeFile>(StringComparer.Ordinal) { ["foo.yml"] = new Text("foo.yml", "a: [") });
        await UntilAsync(() => _repository.Broken.Count == 1);
    }

    public void Dispose() => _repository.Dispose();

    private async Task StartAsync()
    {
        await _repository.StartingAsync(TestContext.Current.CancellationToken);
        await _repository.StartAsync(TestContext.Current.CancellationToken);
    }

    private Task UntilAsync(Func<bool> holds) => Task.Run(async () =>
    {
        for (; !holds(); await Task.Yield()) _clock.Advance(TimeSpan.FromSeconds(1));
    }).WaitAsync(Enough, TestContext.Current.CancellationToken);

    private sealed class Trees : IFileTrees
    {
        private int _follows;

        public Func<Task> Follow { get; set; } = () => Task.CompletedTask;
        public Func<FileTree> Open { get; set; } = () => FileTree.Empty;
        public bool ChangedFault { get; set; }
        public ChangeSignal Signal { get; } = new();
        public int Follows => Volatile.Read(ref _follows);

        public Task Changed => ChangedFault ? throw new InvalidOperationException("no part of any plan") : Signal.Changed;
        public RepositoryState State { get; } = new("folder", DateTimeOffset.UnixEpoch, null, null);

        public Task LoadAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task FollowAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _follows);
            return Follow();
        }

        public Task<Result<FileTree>> OpenDefaultAsync(CancellationToken cancellationToken) => Task.FromResult<Result<FileTree>>(Open());
        public Task<Result<FileViews>> OpenAsync(EnvironmentRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private sealed class Text(string path, string content) : TreeFile(path, content.Length, DateTimeOffset.UnixEpoch)
    {
        public override Task<byte[]> ReadAsync(CancellationToken cancellationToken) => Task.FromResult(System.Text.Encoding.UTF8.GetBytes(content));
    }

    private sealed class Lines : ILogger<Repository>
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

        public bool Any(string start) => _lines.Any(line => line.StartsWith(start, StringComparison.Ordinal));

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Enqueue(formatter(state, exception));
    }
}
