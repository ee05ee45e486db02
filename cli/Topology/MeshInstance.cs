namespace SecureMesh.Cli.Topology;

/// <summary>One process of the mesh.</summary>
internal sealed record MeshInstance(ServiceKind Kind, int Number, int Port)
{
    public string Name => Number == 1 ? Kind.WireName : $"{Kind.WireName}-{Number}";

    public string Url => $"http://127.0.0.1:{Port}";
}
