using System.CommandLine;
using System.Text.Json;
using SecureMesh.Cli.Database;
using SecureMesh.Cli.Preflight;
using SecureMesh.Cli.Terminal;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh remove-demo</c>: takes the demo identities out of a data folder, so that it can go to production.</summary>
internal static class RemoveDemoCommand
{
    private const string Option = "--remove-demo";

    public static Command Create(Shell shell)
    {
        var data = CommonOptions.Data();
        var database = CommonOptions.Database();
        var command = new Command("remove-demo", "Remove the demo users, clients and accounts from the data.") { data, database };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            Checks.Programs(PublishedPrograms.Folder);
            var folder = CommonOptions.FolderOf(arguments, data);
            if (!Directory.Exists(folder)) throw CommandFailure.Failed($"there is no data in {folder}: name the folder with --data DIR.");
            using var dataLock = Checks.DataFolder(folder);
            var databases = CommonOptions.DatabaseOf(arguments, database) is { } admin
                ? await PostgresRoles.PrepareAsync(admin, cancellationToken).ConfigureAwait(false)
                : new Dictionary<ServiceKind, string>();
            var removed = new List<(string Service, string Said)>();
            foreach (var kind in ServiceKind.All.Where(k => k.Store))
                removed.Add((kind.Name, await RemoveAsync(kind, folder, databases.GetValueOrDefault(kind), cancellationToken).ConfigureAwait(false)));
            shell.Write(arguments, json => WriteJson(json, removed), text => removed.ForEach(r => text.WriteLine($"{r.Service}: {r.Said}")));
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<string> RemoveAsync(ServiceKind kind, string data, string? database, CancellationToken cancellationToken)
    {
        var environment = ServiceEnvironment.Inherited(Environment.GetEnvironmentVariables(), kind);
        environment["MESH__DATA"] = Path.Combine(data, kind.WireName);
        environment["MESH__DEMO"] = "false";
        environment["MESH__CONFIG__ENABLED"] = "false";
        environment["MESH__REGISTRY__ENABLED"] = "false";
        if (database is not null) environment["MESH__DATABASE"] = database;
        var run = await ProgramRun.RunAsync(
            PublishedPrograms.PathOf(PublishedPrograms.Folder, kind), [Option], environment, cancellationToken).ConfigureAwait(false);
        if (run.ExitCode != 0) throw new MeshStartException($"{kind.Name} could not remove its demo data: {run.Complaint}");
        return Said(run.Output);
    }

    /// <summary>What the program answers; around it stand the log lines of its host, which are for nobody here.</summary>
    internal static string Said(string output) =>
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .LastOrDefault(line => line.StartsWith("removed ", StringComparison.Ordinal)) ?? "done";

    private static void WriteJson(Utf8JsonWriter json, List<(string Service, string Said)> removed)
    {
        json.WriteStartArray();
        foreach (var (service, said) in removed)
        {
            json.WriteStartObject();
            json.WriteString("service", service);
            json.WriteString("said", said);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
