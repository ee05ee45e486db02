namespace SecureMesh.Cli.Topology;

/// <summary>One of the five programs of the mesh.</summary>
/// <param name="Name">What an operator types: the project's folder.</param>
/// <param name="WireName">Its name in the registry, at the configuration server and in credentials.</param>
/// <param name="Program">The published program.</param>
/// <param name="Offset">Its distance from <c>--port-base</c>.</param>
/// <param name="DefaultPort">Its port without <c>--port-base</c>.</param>
/// <param name="Replicable">False: a second instance would not share its state.</param>
/// <param name="Store">True: it keeps rows, in SQLite or PostgreSQL.</param>
internal sealed record ServiceKind(
    string Name, string WireName, string Program, int Offset, int DefaultPort, bool Replicable = false, bool Store = false)
{
    public static readonly ServiceKind Gateway = new("gateway", "gateway", "SecureMesh.Gateway", 0, 8080, Replicable: true);
    public static readonly ServiceKind Auth = new("auth", "auth-service", "SecureMesh.Auth", 1, 8081, Replicable: true, Store: true);
    public static readonly ServiceKind Account = new("account", "account-service", "SecureMesh.Account", 2, 8082, Replicable: true, Store: true);
    public static readonly ServiceKind Config = new("config", "config", "SecureMesh.Config", 8, 8888);
    public static readonly ServiceKind Discovery = new("discovery", "registry", "SecureMesh.Discovery", 9, 8761);

    public static readonly IReadOnlyList<ServiceKind> All = [Gateway, Auth, Account, Config, Discovery];

    public static ServiceKind? Find(string name) => All.FirstOrDefault(k => k.Name == name || k.WireName == name);
}
