using System.CommandLine;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh down</c>: stops the mesh of a data folder and waits until every process is gone.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    public static Command Create(Shell shell)
    {
        var data = CommonOptions.Data();
        var command = new Command("down", "Stop the mesh.") { data };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = CommonOptions.FolderOf(arguments, data);
            var state = StateFile.Read(folder);
            if (!DataLock.IsTaken(folder))
            {
                await Leftovers.EndAsync(state, cancellationToken).ConfigureAwait(false);
                Show(shell, arguments, folder, wasRunning: false);
                return ExitCode.Ok;
            }

            await StopAsync(folder, state, shell.Clock, cancellationToken).ConfigureAwait(false);
            Show(shell, arguments, folder, wasRunning: true);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Show(Shell shell, ParseResult arguments, string folder, bool wasRunning) => shell.Write(
        arguments,
        json =>
        {
            json.WriteStartObject();
            json.WriteString("data", folder);
            json.WriteBoolean("wasRunning", wasRunning);
            json.WriteEndObject();
        },
        text => text.WriteLine(wasRunning ? "The mesh is stopped." : $"No mesh runs on {folder}."));

    private static async Task StopAsync(string folder, MeshState? state, TimeProvider clock, CancellationToken cancellationToken)
    {
        // The lock says that a supervisor runs; its id is taken from the file only when the process is still that one.
        using var supervisor = ProcessIdentity.Find(state?.Pid, state?.ProcessStart)
            ?? throw CommandFailure.Failed($"a mesh is just starting or stopping on {folder}: try again in a moment.");
        ProcessSignals.Terminate(supervisor);
        if (await GoneAsync(folder, clock, cancellationToken).ConfigureAwait(false)) return;

        supervisor.Kill();
        await Leftovers.EndAsync(state, cancellationToken).ConfigureAwait(false);
        if (!await GoneAsync(folder, clock, cancellationToken).ConfigureAwait(false))
            throw CommandFailure.Failed($"process {supervisor.Id} does not end: end it by hand.");
    }

    private static async Task<bool> GoneAsync(string folder, TimeProvider clock, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        while (DataLock.IsTaken(folder))
        {
            if (clock.GetElapsedTime(began) > Patience) return false;
            await Task.Delay(Interval, clock, cancellationToken).ConfigureAwait(false);
        }

        return true;
    }
}
