using System.CommandLine;
using SecureMesh.Cli.State;
using SecureMesh.Sdk;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh logs</c>: the last lines of one service, or of all with the name before each line.</summary>
internal static class LogsCommand
{
    private const int DefaultLines = 50;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    public static Command Create(TimeProvider clock)
    {
        var service = new Argument<string?>("SERVICE") { Description = "For example auth, or account-2; without it all.", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with new lines until Ctrl-C." };
        var lines = new Option<int>("--lines", "-n") { Description = "How many lines of each.", HelpName = "N", DefaultValueFactory = _ => DefaultLines };
        var data = CommonOptions.Data();
        var command = new Command("logs", "Show what services wrote.") { service, follow, lines, data };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var count = arguments.GetValue(lines);
            if (count < 0) throw new MeshStartException($"--lines must not be negative, but is {count}.");
            var names = Names(CommonOptions.FolderOf(arguments, data), arguments.GetValue(service));
            var tails = names.Select(n => new LogTail(n.Path, names.Count > 1 ? $"{n.Name,-15} | " : "")).ToList();
            foreach (var tail in tails) tail.WriteLast(count, Console.Out);
            while (arguments.GetValue(follow) && !cancellationToken.IsCancellationRequested)
            {
                foreach (var tail in tails) tail.WriteNew(Console.Out);
                await Task.Delay(Interval, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return 0;
        });
        return command;
    }

    private static List<(string Name, string Path)> Names(string data, string? wanted)
    {
        var folder = LogFiles.Folder(data);
        var all = Directory.Exists(folder)
            ? Directory.GetFiles(folder, "*.log").Select(path => (Name: Path.GetFileNameWithoutExtension(path), Path: path)).OrderBy(n => n.Name, StringComparer.Ordinal).ToList()
            : [];
        if (all.Count == 0) throw new MeshStartException($"there are no logs in {folder}: start a mesh with ./mesh up, or name its folder with --data DIR.");
        if (wanted is null) return all;

        var name = Topology.ServiceKind.Find(wanted)?.WireName ?? wanted;
        var chosen = all.Where(n => n.Name == name).ToList();
        return chosen.Count > 0 ? chosen : throw new MeshStartException($"there is no log of '{wanted}'; there are {string.Join(", ", all.Select(n => n.Name))}.");
    }
}
