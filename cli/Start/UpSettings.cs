using SecureMesh.Cli.Topology;

namespace SecureMesh.Cli.Start;

/// <summary>What <c>mesh up</c> was asked for.</summary>
/// <param name="AdminHash">In production the hash of the operator's secret; the plain value stays with whoever prints it.</param>
internal sealed record UpSettings(
    string Data, string Config, int? PortBase, InstanceCounts Counts, string? Database, bool Production, string? AdminHash = null);
