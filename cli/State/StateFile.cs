using System.Text.Json;

namespace SecureMesh.Cli.State;

/// <summary>Written by the supervisor, read by the other commands; replaced whole, so a reader never sees half.</summary>
internal static class StateFile
{
    private const int Tries = 10;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    public static string PathIn(string data) => Path.Combine(data, "state.json");

    /// <summary>For other programs: the supervisor's process id alone.</summary>
    public static string PidPathIn(string data) => Path.Combine(data, "mesh.pid");

    public static void Write(string data, MeshState state)
    {
        var temporary = PathIn(data) + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(temporary, options)) JsonSerializer.Serialize(file, state, StateJson.Default.MeshState);
        File.Move(temporary, PathIn(data), overwrite: true);
    }

    /// <returns>Null when there is none or it is damaged: then nothing is known of an earlier run.</returns>
    public static MeshState? Read(string data)
    {
        try
        {
            using var file = File.OpenRead(PathIn(data));
            return JsonSerializer.Deserialize(file, StateJson.Default.MeshState) is { Pid: > 0, GatewayUrl: not null, Instances: { } instances } state
                && instances.All(i => i is { Service: not null, Name: not null })
                ? state
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The same for a mesh that runs: between its lock and its first state there is a moment without one.</summary>
    public static async Task<MeshState?> ReadPatientlyAsync(string data, TimeProvider clock, CancellationToken cancellationToken)
    {
        for (var tries = 0; tries < Tries; tries++)
        {
            if (Read(data) is { } state) return state;
            await Task.Delay(Interval, clock, cancellationToken).ConfigureAwait(false);
        }

        return Read(data);
    }
}
