using SecureMesh.Cli.State;
using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Supervision;

/// <summary>Asks each started process whether it answers, and the gateway whether the whole mesh can serve.</summary>
internal sealed class HealthWatch(MeshTopology topology, StateBoard board, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SlowInterval = TimeSpan.FromSeconds(1);

    private readonly HealthProbe _probe = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the gateway says for the first time that the whole mesh can serve.</summary>
    public Task Ready => _ready.Task;

    /// <summary>What the gateway lacked when it was asked last.</summary>
    public string? Lack { get; private set; }

    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var starting = board.Current.Instances.Where(i => i.Phase == Phase.Starting).ToList();
            await Task.WhenAll(starting.Select(i => LookAsync(i, stopping))).ConfigureAwait(false);
            if (!_ready.Task.IsCompleted) await LookAtMeshAsync(stopping).ConfigureAwait(false);
            await Task.Delay(_ready.Task.IsCompleted && starting.Count == 0 ? SlowInterval : Interval, clock, stopping)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task<string?> HealthAsync(int port, CancellationToken cancellationToken) => _probe.AskAsync(port, cancellationToken);

    public void Dispose() => _probe.Dispose();

    private async Task LookAsync(InstanceState instance, CancellationToken stopping)
    {
        if (await _probe.AskAsync(instance.Port, stopping).ConfigureAwait(false) is not null)
            board.Set(instance.Name, s => s.Pid == instance.Pid && s.Phase == Phase.Starting ? s with { Phase = Phase.Up } : s);
    }

    private async Task LookAtMeshAsync(CancellationToken stopping)
    {
        if (board.Current.Instances.First(i => i.Service == ServiceKind.Gateway.WireName).Phase != Phase.Up) return;
        var answer = await _probe.GetAsync(topology.GatewayPort, "/healthz", stopping).ConfigureAwait(false);
        Lack = answer is null ? "The gateway does not answer on /healthz." : $"The gateway says: {answer.Value.Body.ReplaceLineEndings(" ")}";
        if (answer?.Status != 200 || board.Current.Instances.Any(i => i.Phase is Phase.Starting or Phase.Waiting)) return;
        board.SetReady();
        _ready.TrySetResult();
    }
}
