using System.CommandLine;
using SecureMesh.Cli.Database;
using SecureMesh.Cli.Preflight;
using SecureMesh.Cli.Topology;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh remove-demo</c>: takes the demo identities out of a data folder, so that it can go to production.</summary>
internal static class RemoveDemoCommand
{
    private const string Option = "--remove-demo";

    public static Command Create()
    {
        var data = CommonOptions.Data();
        var database = CommonOptions.Database();
        var command = new Command("remove-demo", "Remove the demo users, clients and accounts from the data.") { data, database };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            Checks.Programs(PublishedPrograms.Folder);
            var folder = CommonOptions.FolderOf(arguments, data);
            if (!Directory.Exists(folder)) throw new MeshStartException($"there is no data in {folder}: name the folder with --data DIR.");
            using var dataLock = Checks.DataFolder(folder);
            var databases = CommonOptions.DatabaseOf(arguments, database) is { } admin
                ? await PostgresRoles.PrepareAsync(admin, cancellationToken).ConfigureAwait(false)
                : new Dictionary<ServiceKind, string>();
            foreach (var kind in ServiceKind.All.Where(k => k.Store))
                await RemoveAsync(kind, folder, databases.GetValueOrDefault(kind), cancellationToken).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    private static async Task RemoveAsync(ServiceKind kind, string data, string? database, CancellationToken cancellationToken)
    {
        var environment = ServiceEnvironment.Inherited(Environment.GetEnvironmentVariables(), kind);
        environment["MESH__DATA"] = Path.Combine(data, kind.WireName);
        environment["MESH__DEMO"] = "false";
        environment["MESH__CONFIG__ENABLED"] = "false";
        environment["MESH__REGISTRY__ENABLED"] = "false";
        if (database is not null) environment["MESH__DATABASE"] = database;
        var (exitCode, said) = await ProgramRun.RunAsync(
            PublishedPrograms.PathOf(PublishedPrograms.Folder, kind), [Option], environment, cancellationToken).ConfigureAwait(false);
        if (exitCode != 0) throw new MeshStartException($"{kind.Name} could not remove its demo data: {said.Trim()}");
        Console.WriteLine($"{kind.Name}: {(said.Trim() is { Length: > 0 } text ? text : "done")}");
    }
}
