namespace SecureMesh.Cli.Topology;

/// <summary>One process of the mesh.</summary>
/// <param name="H2cUrl">Where a gateway takes HTTP/2 without TLS; null: nowhere.</param>
internal sealed record MeshInstance(ServiceKind Kind, int Number, int Port, string? H2cUrl = null)
{
    public string Name => Number == 1 ? Kind.WireName : $"{Kind.WireName}-{Number}";

    public string Url => $"http://127.0.0.1:{Port}";
}
