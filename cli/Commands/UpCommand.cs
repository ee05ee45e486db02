using System.CommandLine;
using System.Globalization;
using System.Text;
using SecureMesh.Cli.Start;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Terminal;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh up</c>: starts the five services and keeps them running.</summary>
internal static class UpCommand
{
    public static Command Create(Shell shell)
    {
        var portBase = CommonOptions.Value("--port-base", "N", "Gateway on N, auth N+1, account N+2, config N+8, discovery N+9.");
        var instances = CommonOptions.Value("--instances", "LIST", "More processes of a service, for example account=2,auth=2.");
        var database = CommonOptions.Database();
        var data = CommonOptions.Data();
        var config = CommonOptions.Value("--config", "DIR", "Configuration: a folder, or a git repository.", ProductFolders.Configuration);
        var production = new Option<bool>("--production") { Description = "No demo identities; secrets are generated." };
        var newAdminSecret = new Option<bool>("--new-admin-secret") { Description = "With --production: replace the administrator's secret and show the new one." };
        var detach = new Option<bool>("--detach") { Description = "Run in the background; see status, logs and down." };
        var background = new Option<bool>(Detached.BackgroundOption) { Hidden = true };
        var command = new Command("up", "Start the mesh.") { portBase, instances, database, data, config, production, newAdminSecret, detach, background };
        command.SetAction(async (arguments, _) =>
        {
            var isBackground = arguments.GetValue(background);
            var isProduction = arguments.GetValue(production);
            var dataFolder = CommonOptions.FolderOf(arguments, data);
            var wantsSecret = arguments.GetValue(newAdminSecret);
            if (wantsSecret && !isProduction) throw CommandFailure.Usage("--new-admin-secret goes with --production: the demo's secret is adminsecret.");
            var connection = CommonOptions.DatabaseOf(arguments, database);
            var adminSecret = isProduction && !isBackground && (wantsSecret || !AdminSecret.WasShown(dataFolder, connection)) ? Entropy.Token() : null;
            var settings = new UpSettings(
                dataFolder, CommonOptions.FolderOf(arguments, config), PortBase(arguments.GetValue(portBase)),
                Counts(arguments.GetValue(instances)), connection, isProduction,
                adminSecret is null ? Environment.GetEnvironmentVariable(Detached.AdminHashVariable) : MeshSecrets.Hash(adminSecret));
            if (isBackground) return await RunInBackgroundAsync(settings, shell.Clock).ConfigureAwait(false);
            void Show(MeshState state) => Announce(shell, arguments, state, settings, adminSecret);
            if (!arguments.GetValue(detach)) return await RunAsync(settings, Show, shell, OutputForm.IsJson(arguments)).ConfigureAwait(false);

            var (exitCode, state) = await Detached.StartAsync(settings, OutputForm.IsJson(arguments), shell.Clock).ConfigureAwait(false);
            if (state is not null) Show(state);
            return exitCode;
        });
        return command;
    }

    private static void Announce(Shell shell, ParseResult arguments, MeshState state, UpSettings settings, string? adminSecret)
    {
        shell.Write(
            arguments,
            json => Announcement.WriteJson(json, state, settings.Data, adminSecret),
            text => Announcement.Write(text, state, settings.Data, adminSecret));
        if (adminSecret is not null) AdminSecret.NoteShown(settings.Data, settings.Database);
    }

    private static async Task<int> RunAsync(UpSettings settings, Action<MeshState> show, Shell shell, bool isJson)
    {
        using var signals = new StopSignals();
        void Ready(MeshState state)
        {
            show(state);
            if (!isJson) shell.Out.WriteLine("Ctrl-C stops it.");
        }

        await new MeshRun(settings, shell.Clock, shell.Error.WriteLine)
            .RunAsync((state, end) => isJson ? end : StartProgress.ShowAsync(state, end, shell.Clock), Ready, signals.Stop, signals.Impatient).ConfigureAwait(false);
        if (!isJson) shell.Out.WriteLine("The mesh is stopped.");
        return ExitCode.Ok;
    }

    private static async Task<int> RunInBackgroundAsync(UpSettings settings, TimeProvider clock)
    {
        using var signals = new StopSignals();
        using var log = new LogFile(LogFiles.PathOf(settings.Data, LogFiles.Supervisor));
        void Note(string line) => log.Append(Encoding.UTF8.GetBytes($"{clock.GetUtcNow():O} {line}\n"));
        void Say(string line)
        {
            Note(line);
            Console.Error.WriteLine(line); // read by whoever waits for the start, nobody later
        }

        await new MeshRun(settings, clock, Say).RunAsync((_, end) => end, _ => Note("The mesh serves."), signals.Stop, signals.Impatient).ConfigureAwait(false);
        Note("The mesh is stopped.");
        return 0;
    }

    private static int? PortBase(string? text)
    {
        if (text is null) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= MeshTopology.MaxPortBase
            ? number
            : throw CommandFailure.Usage($"--port-base must be a number from 1 to {MeshTopology.MaxPortBase}, not '{text}'.");
    }

    private static InstanceCounts Counts(string? text)
    {
        if (text is null) return InstanceCounts.One;
        return InstanceCounts.Parse(text, out var error) ?? throw CommandFailure.Usage("--instances: " + error);
    }
}
