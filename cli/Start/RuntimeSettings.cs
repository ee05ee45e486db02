using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Start;

/// <summary>How the runtime of each process is tuned: five of them share a small machine. An operator's own value wins.</summary>
internal static class RuntimeSettings
{
    private static readonly Dictionary<string, string> Defaults = new()
    {
        ["DOTNET_TieredPGO"] = "0", // no instrumented code: less to compile in the first seconds
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_GCConserveMemory"] = "5", // hexadecimal, 0 to 9
        // Hexadecimal, 4 MB: the default follows the processor's cache, and five first generations of its size are much memory.
        ["DOTNET_GCgen0size"] = "400000",
        ["DOTNET_EnableDiagnostics_IPC"] = "0", // no socket per process in /tmp
    };

    // Auth signs every token: there what one costs counts more than the first second and a few megabytes.
    private static readonly Dictionary<string, string> Auth = new(Defaults) { ["DOTNET_TieredPGO"] = "1", ["DOTNET_GCgen0size"] = "1000000" };

    // Everything goes through the gateway: it gets what the runtime gives to servers. Pauses of a collector that spares memory were a
    // tenth of its throughput.
    private static readonly Dictionary<string, string> Gateway = new() { ["DOTNET_TieredPGO"] = "1", ["DOTNET_gcServer"] = "1", ["DOTNET_EnableDiagnostics_IPC"] = "0" };

    public static IReadOnlyDictionary<string, string> For(ServiceKind kind, IReadOnlyDictionary<string, string> inherited) =>
        (kind == ServiceKind.Gateway ? Gateway : kind == ServiceKind.Auth ? Auth : Defaults).Where(d => !inherited.ContainsKey(d.Key)).ToDictionary();
}
