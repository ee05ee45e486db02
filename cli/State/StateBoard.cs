using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.State;

/// <summary>What the supervisor knows right now; every change is written to the state file.</summary>
internal sealed class StateBoard
{
    private readonly Lock _lock = new();
    private readonly string _data;
    private MeshState _state;

    public StateBoard(string data, MeshTopology topology, bool demo, TimeProvider clock)
    {
        _data = data;
        _state = new MeshState(
            Environment.ProcessId, ProcessIdentity.StartOf(Environment.ProcessId), clock.GetUtcNow(), topology.GatewayUrl, demo, Ready: false,
            [.. topology.Instances.Select(i => new InstanceState(i.Kind.WireName, i.Number, i.Name, i.Port, Phase.Waiting, H2cUrl: i.H2cUrl))]);
        StateFile.Write(data, _state);
        PrivateFolder.WriteFile(StateFile.PidPathIn(data), $"{_state.Pid}\n");
    }

    public MeshState Current
    {
        get { lock (_lock) return _state; }
    }

    public InstanceState this[string name] => Current.Instances.First(i => i.Name == name);

    public void Set(string name, Func<InstanceState, InstanceState> change) =>
        Replace(s => s with { Instances = [.. s.Instances.Select(i => i.Name == name ? change(i) : i)] });

    public void SetReady() => Replace(s => s with { Ready = true });

    private void Replace(Func<MeshState, MeshState> change)
    {
        lock (_lock)
        {
            _state = change(_state);
            try
            {
                StateFile.Write(_data, _state);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full disk or a removed folder: the mesh serves on, only `status` is out of date.
            }
        }
    }
}
