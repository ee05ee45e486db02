using System.CommandLine;
using System.Globalization;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Terminal;

namespace SecureMesh.Cli.Commands;

/// <summary><c>mesh logs</c>: the last lines of one service, or of all with the name before each line.</summary>
internal static class LogsCommand
{
    private const string DefaultLines = "50";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    public static Command Create(Shell shell)
    {
        var service = new Argument<string?>("SERVICE") { Description = "For example auth, or account-2; without it all.", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with new lines until Ctrl-C." };
        var lines = CommonOptions.Value("--lines", "N", "How many lines of each.", DefaultLines, "-n");
        var data = CommonOptions.Data();
        var command = new Command("logs", "Show what services wrote.") { service, follow, lines, data };
        Interruption.SetAction(command, shell, async (arguments, cancellationToken) =>
        {
            var count = Count(arguments.GetValue(lines)!);
            var names = Names(CommonOptions.FolderOf(arguments, data), arguments.GetValue(service));
            var isJson = OutputForm.IsJson(arguments);
            Func<string, string> Form(string name) => isJson
                ? line => Json(name, line)
                : names.Count > 1 ? line => $"{name,-15} | {line}" : line => line;
            var tails = names.Select(n => new LogTail(n.Path, Form(n.Name))).ToList();
            foreach (var tail in tails) tail.WriteLast(count, shell.Out);
            while (arguments.GetValue(follow))
            {
                foreach (var tail in tails) tail.WriteNew(shell.Out);
                await Task.Delay(Interval, shell.Clock, cancellationToken).ConfigureAwait(false);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? count
            : throw CommandFailure.Usage($"--lines must be a number, not '{PlainText.Of(text)}'.");

    private static string Json(string service, string line) => JsonText.Line(json =>
    {
        json.WriteStartObject();
        json.WriteString("service", service);
        json.WriteString("line", line);
        json.WriteEndObject();
    });

    private static List<(string Name, string Path)> Names(string data, string? wanted)
    {
        var folder = LogFiles.Folder(data);
        var all = Directory.Exists(folder)
            ? Directory.GetFiles(folder, "*.log").Select(path => (Name: Path.GetFileNameWithoutExtension(path), Path: path)).OrderBy(n => n.Name, StringComparer.Ordinal).ToList()
            : [];
        if (all.Count == 0) throw CommandFailure.Failed($"there are no logs in {folder}: start a mesh with ./mesh up, or name its folder with --data DIR.");
        if (wanted is null) return all;

        var name = Topology.ServiceKind.Find(wanted)?.WireName ?? wanted;
        var chosen = all.Where(n => n.Name == name).ToList();
        return chosen.Count > 0 ? chosen : throw CommandFailure.Failed($"there is no log of '{wanted}'; there are {string.Join(", ", all.Select(n => n.Name))}.");
    }
}
