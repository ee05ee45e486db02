using System.Text.Json.Serialization;

namespace SecureMesh.Cli.State;

[JsonConverter(typeof(JsonStringEnumConverter<Phase>))]
internal enum Phase
{
    /// <summary>Waits for its turn, or for the pause before a restart.</summary>
    [JsonStringEnumMemberName("waiting")] Waiting,

    /// <summary>The process runs and does not yet answer on its port.</summary>
    [JsonStringEnumMemberName("starting")] Starting,

    /// <summary>It answers.</summary>
    [JsonStringEnumMemberName("up")] Up,

    /// <summary>Left down: it failed too often or cannot start.</summary>
    [JsonStringEnumMemberName("failed")] Failed,

    [JsonStringEnumMemberName("stopped")] Stopped,
}

/// <summary>What the supervisor knows of one process.</summary>
/// <param name="ProcessStart">With the id it names a process for good: ids are used again.</param>
/// <param name="H2cUrl">Where a gateway takes HTTP/2 without TLS; null: nowhere.</param>
internal sealed record InstanceState(
    string Service, int Number, string Name, int Port, Phase Phase, int? Pid = null, string? ProcessStart = null,
    DateTimeOffset? Since = null, int Restarts = 0, string? LastError = null, string? H2cUrl = null);

/// <summary>The file <c>state.json</c> of the data folder. It holds no secret.</summary>
internal sealed record MeshState(
    int Pid, string? ProcessStart, DateTimeOffset Started, string GatewayUrl, bool Demo, bool Ready, IReadOnlyList<InstanceState> Instances);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(MeshState))]
internal sealed partial class StateJson : JsonSerializerContext;
