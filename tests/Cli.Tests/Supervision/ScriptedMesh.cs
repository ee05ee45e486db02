using System.Collections;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Topology;
using SecureMesh.Tests.Support;

namespace SecureMesh.Cli.Tests.Supervision;

/// <summary>A real supervisor over small bash scripts in the place of services.</summary>
internal sealed class ScriptedMesh : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ChildLauncher _launcher = new();
    private readonly List<string> _said = [];
    private readonly List<InstanceSupervisor> _instances = [];
    private readonly TimeProvider _clock;

    public ScriptedMesh(TimeProvider? clock = null)
    {
        _clock = clock ?? TimeProvider.System;
        Topology = MeshTopology.Plan(9000, InstanceCounts.One);
        Board = new StateBoard(_folder.Path, Topology, demo: true, _clock);
    }

    public MeshTopology Topology { get; }

    public StateBoard Board { get; }

    public string Folder => _folder.Path;

    public IReadOnlyList<string> Said
    {
        get { lock (_said) return [.. _said]; }
    }

    public InstanceSupervisor Instance(ServiceKind kind, string script)
    {
        var instance = Topology.Instances.Single(i => i.Kind == kind);
        var environment = new Dictionary<string, string> { ["FOLDER"] = _folder.Path };
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            if (entry.Key is "PATH") environment["PATH"] = (string)entry.Value!;
        var supervisor = new InstanceSupervisor(
            instance, new ChildSpec("/bin/bash", ["-c", script], environment, _folder.Path), new LogFile(Path.Combine(_folder.Path, instance.Name + ".log")),
            _launcher, Board, _clock, line => { lock (_said) _said.Add(line); });
        _instances.Add(supervisor);
        return supervisor;
    }

    public MeshSupervisor Mesh() => new(_instances, _clock);

    /// <summary>Empty until the process has written something.</summary>
    public string Log(ServiceKind kind) => Path.Combine(_folder.Path, kind.WireName + ".log") is var path && File.Exists(path) ? File.ReadAllText(path) : "";

    public static async Task UntilAsync(Func<bool> holds, string what)
    {
        for (var i = 0; i < 400; i++)
        {
            if (holds()) return;
            await Task.Delay(25);
        }

        throw new TimeoutException("never happened: " + what);
    }

    public void Dispose()
    {
        foreach (var instance in _instances)
        {
            instance.Terminate();
            instance.Kill();
            instance.Run.Wait(TimeSpan.FromSeconds(5));
            instance.Dispose();
        }

        _launcher.Dispose();
        _folder.Dispose();
    }
}
