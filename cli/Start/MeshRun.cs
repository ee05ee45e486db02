using System.Collections;
using SecureMesh.Cli.Database;
using SecureMesh.Cli.Preflight;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Start;

/// <summary>One run of the mesh, from the checks to the last process gone.</summary>
internal sealed class MeshRun(UpSettings settings, TimeProvider clock, Action<string> say)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly IDictionary _operators = Environment.GetEnvironmentVariables();
    private readonly string _published = PublishedPrograms.Folder;

    /// <param name="watch">Shows how far the start is; called once, with what reads the state, and a task that ends with the start.</param>
    /// <param name="ready">Called once when the mesh can serve.</param>
    /// <param name="stop">Ends the run.</param>
    /// <param name="impatient">Ends the processes without waiting for them.</param>
    /// <exception cref="MeshStartException">The mesh cannot start; everything that was started is stopped again.</exception>
    public async Task RunAsync(
        Func<Func<MeshState>, Task, Task> watch, Action<MeshState> ready, CancellationToken stop, CancellationToken impatient)
    {
        // 1. What can be known before anything is started.
        Checks.Programs(_published);
        Checks.ConfigFolder(settings.Config);
        using var dataLock = Checks.DataFolder(settings.Data);
        await Leftovers.EndAsync(StateFile.Read(settings.Data), stop).ConfigureAwait(false);
        var topology = MeshTopology.Plan(settings.PortBase, settings.Counts, h2cUrl: ServiceEnvironment.H2cUrl(_operators));
        Checks.Ports(topology);
        var check = Checks.ConfigFilesAsync(_published, settings.Config, ServiceEnvironment.Inherited(_operators, ServiceKind.Config), stop);
        var databases = settings.Database is { } admin
            ? await PostgresRoles.PrepareAsync(admin, stop).ConfigureAwait(false)
            : new Dictionary<ServiceKind, string>();
        await check.ConfigureAwait(false);

        // 2. All processes at once.
        var board = new StateBoard(settings.Data, topology, !settings.Production, clock);
        using var launcher = new ChildLauncher();
        using var mesh = Build(topology, databases, board, launcher);
        using var health = new HealthWatch(topology, board, clock);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
        mesh.Start();
        var looking = health.RunAsync(watching.Token);
        try
        {
            // 3. Until the mesh can serve, or one of them cannot start.
            await StartedAsync(mesh, health, board, watch, stop).ConfigureAwait(false);
            if (!stop.IsCancellationRequested) ready(board.Current);

            // 4. Until someone stops it.
            await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            await watching.CancelAsync().ConfigureAwait(false);
            await mesh.StopAsync(impatient).ConfigureAwait(false);
            await looking.ConfigureAwait(false);
        }
    }

    private MeshSupervisor Build(
        MeshTopology topology, IReadOnlyDictionary<ServiceKind, string> databases, StateBoard board, ChildLauncher launcher)
    {
        var secrets = MeshSecrets.Generate(demo: !settings.Production, settings.AdminHash);
        var shared = new MeshSettings(settings.Data, settings.Config, !settings.Production, databases) { OtherCredentials = ServiceEnvironment.OtherCredentials(_operators) };
        return new MeshSupervisor(
            [.. topology.Instances.Select(instance =>
            {
                var inherited = ServiceEnvironment.Inherited(_operators, instance.Kind);
                var own = new Dictionary<string, string>(RuntimeSettings.For(instance.Kind, inherited));
                foreach (var (name, value) in inherited) own[name] = value;
                foreach (var (name, value) in ServiceEnvironment.Of(instance, topology, secrets, shared)) own[name] = value;
                var folder = Path.Combine(_published, instance.Kind.Program);
                var spec = new ChildSpec(PublishedPrograms.PathOf(_published, instance.Kind), [], own, folder);
                var log = new LogFile(LogFiles.PathOf(settings.Data, instance.Name));
                return new InstanceSupervisor(instance, spec, log, launcher, board, clock, say);
            })],
            clock);
    }

    private async Task StartedAsync(
        MeshSupervisor mesh, HealthWatch health, StateBoard board, Func<Func<MeshState>, Task, Task> watch, CancellationToken stop)
    {
        using var late = new CancellationTokenSource();
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stop);
        var refused = mesh.Instances.Select(async i => await i.Run.ConfigureAwait(false) is { } reason
            ? throw new MeshStartException($"{i.Instance.Name}: {reason}")
            : await Never(stop).ConfigureAwait(false)).ToList();
        var end = Task.WhenAny([health.Ready, stopped, .. refused]).Unwrap();
        var complaint = ComplainAsync(mesh, health, board, late.Token);
        await watch(() => board.Current, end).ConfigureAwait(false);
        await end.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await late.CancelAsync().ConfigureAwait(false);
        await complaint.ConfigureAwait(false);
        if (!stop.IsCancellationRequested) await end.ConfigureAwait(false);
    }

    private static async Task<bool> Never(CancellationToken stop)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    private async Task ComplainAsync(MeshSupervisor mesh, HealthWatch health, StateBoard board, CancellationToken inTime)
    {
        await Task.Delay(Patience, clock, inTime).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (inTime.IsCancellationRequested) return;
        say($"Not ready after {Patience.TotalSeconds:0} s; still waiting. {health.Lack}".TrimEnd());
        foreach (var instance in mesh.Instances)
        {
            var up = await health.HealthAsync(instance.Instance.Port, inTime).ConfigureAwait(false);
            if (up == "UP") continue;
            var lastError = instance.LastError ?? "no error in its log";
            board.Set(instance.Instance.Name, s => s with { LastError = lastError });
            say($"  {instance.Instance.Name}: {up ?? "does not answer"}; {lastError}");
        }
    }
}
