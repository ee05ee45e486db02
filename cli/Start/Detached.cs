using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;

namespace SecureMesh.Cli.Start;

/// <summary>Starts a supervisor in the background and waits until its mesh can serve.</summary>
internal static class Detached
{
    public const string BackgroundOption = "--background";
    public const string DatabaseVariable = "MESH_DATABASE";
    public const string AdminHashVariable = "MESH_ADMIN_HASH";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <returns>The exit code; 0 when the mesh is ready, and then its state.</returns>
    public static async Task<(int ExitCode, MeshState? State)> StartAsync(UpSettings settings, bool isJson, TimeProvider clock)
    {
        using var supervisor = Launch(settings, isJson);
        var errors = ForwardAsync(supervisor.StandardError);
        _ = supervisor.StandardOutput.ReadToEndAsync();
        // Who interrupts the wait wants no mesh: the background supervisor is in another session and would not notice.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => ProcessSignals.Terminate(supervisor));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => ProcessSignals.Terminate(supervisor));

        var waiting = WaitAsync(settings.Data, supervisor, clock);
        if (!isJson) await StartProgress.ShowAsync(() => Mine(settings.Data, supervisor), waiting, clock).ConfigureAwait(false);
        if (await waiting.ConfigureAwait(false) is { } ready) return (0, ready);
        if (supervisor.HasExited)
        {
            await errors.ConfigureAwait(false);
            return (supervisor.ExitCode == 0 ? 1 : supervisor.ExitCode, null);
        }

        await Console.Error.WriteLineAsync($"mesh: not ready after {Longest.TotalMinutes:0} minutes; it goes on trying. See ./mesh status and {LogFiles.Folder(settings.Data)}, or stop it with ./mesh down.").ConfigureAwait(false);
        return (1, null);
    }

    private static Process Launch(UpSettings settings, bool isJson)
    {
        var program = Environment.ProcessPath!;
        List<string> command = [.. OperatingSystem.IsLinux() && File.Exists("/usr/bin/setsid") ? new[] { "/usr/bin/setsid" } : [], program, "up", BackgroundOption, "--data", settings.Data, "--config", settings.Config];
        if (settings.PortBase is { } portBase) command.AddRange(["--port-base", portBase.ToString(CultureInfo.InvariantCulture)]);
        if (settings.Counts.Counts.Count > 0) command.AddRange(["--instances", settings.Counts.ToString()]);
        if (settings.Production) command.Add("--production");
        if (isJson) command.AddRange(["--output", "json"]); // its complaints are passed on as they are

        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // By the environment, because every user of the machine can read the arguments of a process.
        if (settings.Database is { } database) start.Environment[DatabaseVariable] = database;
        if (settings.AdminHash is { } hash) start.Environment[AdminHashVariable] = hash;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private static async Task<MeshState?> WaitAsync(string data, Process supervisor, TimeProvider clock)
    {
        var began = clock.GetTimestamp();
        while (!supervisor.HasExited && clock.GetElapsedTime(began) < Longest)
        {
            if (Mine(data, supervisor) is { Ready: true } state) return state;
            await Task.Delay(Interval, clock).ConfigureAwait(false);
        }

        return null;
    }

    private static MeshState? Mine(string data, Process supervisor) => StateFile.Read(data) is { } state && state.Pid == supervisor.Id ? state : null;

    private static async Task ForwardAsync(StreamReader errors)
    {
        while (await errors.ReadLineAsync().ConfigureAwait(false) is { } line) await Console.Error.WriteLineAsync(line).ConfigureAwait(false);
    }
}
