using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Cli.Terminal;
using Spectre.Console;

namespace SecureMesh.Cli.Commands;

/// <summary>One line of <c>mesh status</c>.</summary>
internal sealed record StatusRow(
    string Service, int Number, int? Pid, int Port, Phase State, int Restarts, double? UptimeSeconds, string? Health, string? LastError, string? H2cUrl);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<StatusRow>))]
internal sealed partial class StatusJson : JsonSerializerContext;

/// <summary><c>mesh status</c>: what runs, with its health asked just now. Exit code 0 when everything is up, else 1.</summary>
internal static class StatusCommand
{
    public static Command Create(Shell shell)
    {
        var data = CommonOptions.Data();
        var command = new Command("status", "Show what runs.") { data };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = CommonOptions.FolderOf(arguments, data);
            var isJson = OutputForm.IsJson(arguments);
            var isRunning = DataLock.IsTaken(folder);
            var state = isRunning ? await StateFile.ReadPatientlyAsync(folder, shell.Clock, cancellationToken).ConfigureAwait(false) : null;
            var rows = state is null ? [] : await RowsAsync(state, shell.Clock, cancellationToken).ConfigureAwait(false);
            if (isJson) shell.Out.WriteLine(JsonSerializer.Serialize(rows, StatusJson.Default.IReadOnlyListStatusRow));
            if (!isRunning) throw CommandFailure.Failed($"no mesh runs on {folder}: start one with ./mesh up, or name its folder with --data DIR.");
            if (state is null) throw CommandFailure.Failed($"a mesh runs on {folder}, but {StateFile.PathIn(folder)} is missing or damaged: it starts or stops just now, or someone wrote to the file. It is written anew at the next change.");
            if (!isJson) WriteTable(shell.Out, state, rows);
            return rows.All(s => s is { State: Phase.Up, Health: "UP" }) ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    private static async Task<IReadOnlyList<StatusRow>> RowsAsync(MeshState state, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var health = new HealthProbe();
        var rows = state.Instances.Select(async i => new StatusRow(
            i.Service, i.Number, i.Pid, i.Port, i.Phase, i.Restarts,
            i.Pid is not null && i.Since is { } since ? Math.Round((clock.GetUtcNow() - since).TotalSeconds, 1) : null,
            i.Pid is null ? null : await health.AskAsync(i.Port, cancellationToken).ConfigureAwait(false) ?? "no answer",
            i.LastError, i.H2cUrl));
        return await Task.WhenAll(rows).ConfigureAwait(false);
    }

    private static void WriteTable(TextWriter output, MeshState state, IReadOnlyList<StatusRow> rows)
    {
        var table = new Table().Border(Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded);
        foreach (var column in new[] { "service", "instance", "pid", "port", "state", "restarts", "uptime", "health" }) table.AddColumn(new TableColumn(column).NoWrap());
        foreach (var row in rows)
            table.AddRow(
                new Text(row.Service), Number(row.Number), Number(row.Pid), Number(row.Port),
                new Text(row.State == Phase.Failed ? "FAILED" : row.State.ToString().ToLowerInvariant(), row.State == Phase.Failed && !Console.IsOutputRedirected ? Color.Red : Style.Plain),
                Number(row.Restarts), new Text(Uptime(row.UptimeSeconds)), new Text(row.Health ?? "-"));
        AnsiConsole.Write(table);
        foreach (var (row, instance) in rows.Zip(state.Instances))
        {
            if (row.State == Phase.Failed) output.WriteLine($"{instance.Name} is left down: {row.LastError ?? "see its log"}");
            if (row.H2cUrl is not null) output.WriteLine($"{instance.Name} takes HTTP/2 without TLS at {row.H2cUrl}");
        }

        output.WriteLine($"{state.GatewayUrl}{(state.Demo ? "  (demo identities are on)" : "")}");
    }

    private static Text Number(int? number) => new(number?.ToString(CultureInfo.InvariantCulture) ?? "-");

    private static string Uptime(double? seconds) => seconds is { } s
        ? TimeSpan.FromSeconds(Math.Floor(s)).ToString(s >= 86400 ? @"d\.hh\:mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture)
        : "-";
}
