using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Supervision;

/// <summary>Starts all processes at once and stops them so that callers meet no closed door before the gateway is gone.</summary>
internal sealed class MeshSupervisor(IReadOnlyList<InstanceSupervisor> instances, TimeProvider clock) : IDisposable
{
    // Each group is asked when the one before is gone, or at its time at the latest; the registry and the configuration
    // server go last, so that the others can deregister. What still runs at the end of the time is killed.
    private static readonly (ServiceKind[] Kinds, TimeSpan Latest)[] Order =
    [
        ([ServiceKind.Gateway], TimeSpan.Zero),
        ([ServiceKind.Account], TimeSpan.FromMilliseconds(600)),
        ([ServiceKind.Auth], TimeSpan.FromMilliseconds(900)),
        ([ServiceKind.Config, ServiceKind.Discovery], TimeSpan.FromMilliseconds(1500)),
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    public IReadOnlyList<InstanceSupervisor> Instances => instances;

    public void Start()
    {
        foreach (var instance in instances) instance.Start();
    }

    public async Task StopAsync(CancellationToken impatient)
    {
        var began = clock.GetTimestamp();
        var gone = Task.CompletedTask;
        foreach (var (kinds, latest) in Order)
        {
            await WaitAsync(gone, latest - clock.GetElapsedTime(began), impatient).ConfigureAwait(false);
            var group = instances.Where(i => kinds.Contains(i.Instance.Kind)).ToList();
            foreach (var instance in group) instance.Terminate();
            gone = Task.WhenAll([gone, .. group.Select(i => i.Run)]);
        }

        await WaitAsync(gone, Patience - clock.GetElapsedTime(began), impatient).ConfigureAwait(false);
        foreach (var instance in instances) instance.Kill();
        await gone.ConfigureAwait(false);
    }

    public void Dispose()
    {
        foreach (var instance in instances) instance.Dispose();
    }

    private async Task WaitAsync(Task gone, TimeSpan time, CancellationToken impatient)
    {
        if (gone.IsCompleted || time <= TimeSpan.Zero) return;
        await Task.WhenAny(gone, Task.Delay(time, clock, impatient)).ConfigureAwait(false);
    }
}
