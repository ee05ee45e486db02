using System.ComponentModel;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Supervision;

/// <summary>Keeps one process of the mesh running until it is told to stop.</summary>
internal sealed class InstanceSupervisor(
    MeshInstance instance, ChildSpec spec, LogFile log, ChildLauncher launcher, StateBoard board, TimeProvider clock, Action<string> say) : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly RestartPolicy _policy = new(clock);
    private volatile ChildProcess? _child;
    private bool _wasUp;
    private Task<string?> _run = Task.FromResult<string?>(null);

    public MeshInstance Instance => instance;

    /// <summary>Ends when the process is stopped or left down; in the second case with the reason when it cannot start (exit code 78).</summary>
    public Task<string?> Run => _run;

    public string? LastError => _child?.Output.LastError;

    public void Start() => _run = RunAsync();

    /// <summary>Asks the process to stop; <see cref="Run"/> ends when it did.</summary>
    public void Terminate()
    {
        _stopping.Cancel();
        _child?.Terminate();
    }

    public void Kill() => _child?.Kill();

    public void Dispose()
    {
        _child?.Dispose();
        _stopping.Dispose();
        log.Dispose();
    }

    private async Task<string?> RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var exitCode = await RunOnceAsync().ConfigureAwait(false);
            if (_stopping.IsCancellationRequested) break;

            _wasUp |= board[instance.Name].Phase == Phase.Up;
            var decision = _policy.Ended(exitCode, _wasUp);
            var error = exitCode == RestartPolicy.CannotStart ? _child?.Output.StartRefusal : LastError;
            if (!decision.Restart)
            {
                board.Set(instance.Name, s => s with { Phase = Phase.Failed, Pid = null, ProcessStart = null, Since = clock.GetUtcNow(), LastError = error });
                // A refusal during the first start ends the whole start, which tells the reason itself.
                if (exitCode != RestartPolicy.CannotStart || board.Current.Ready)
                    say($"!! {instance.Name} is LEFT DOWN: {decision.Reason}. {error ?? $"Its last exit code was {exitCode}."} The rest serves on; see {log.Path}");
                return exitCode == RestartPolicy.CannotStart ? error ?? "it gave no reason; see " + log.Path : null;
            }

            board.Set(instance.Name, s => s with { Phase = Phase.Waiting, Pid = null, ProcessStart = null, Restarts = s.Restarts + 1, LastError = error });
            say($"{instance.Name} ended with exit code {exitCode} and is started again.{(exitCode == RestartPolicy.CannotStart ? $" It said: {error}" : "")}");
            await Task.Delay(decision.Delay, clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        board.Set(instance.Name, s => s with { Phase = Phase.Stopped, Pid = null, ProcessStart = null, Since = clock.GetUtcNow() });
        return null;
    }

    private async Task<int> RunOnceAsync()
    {
        ChildProcess child;
        try
        {
            child = await launcher.StartAsync(spec, log).ConfigureAwait(false);
        }
        catch (Win32Exception e)
        {
            say($"{instance.Name} cannot be executed: {e.Message}");
            return 127; // as a shell says it
        }

        _child?.Dispose();
        _child = child;
        board.Set(instance.Name, s => s with { Phase = Phase.Starting, Pid = child.Id, ProcessStart = ProcessIdentity.StartOf(child.Id), Since = clock.GetUtcNow() });
        // A stop that came while the process was being made did not see it.
        if (_stopping.IsCancellationRequested) child.Terminate();
        return await child.Exited.ConfigureAwait(false);
    }
}
