using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Supervision;
using SecureMesh.Sdk;
using Spectre.Console;

namespace SecureMesh.Cli.Commands;

/// <summary>One line of <c>mesh status</c>.</summary>
internal sealed record StatusRow(
    string Service, int Instance, int? Pid, int Port, Phase State, int Restarts, double? UptimeSeconds, string? Health, string? LastError);

internal sealed record StatusReport(bool Running, bool Ready, int? Pid, string? GatewayUrl, bool? Demo, IReadOnlyList<StatusRow> Services);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(StatusReport))]
internal sealed partial class StatusJson : JsonSerializerContext;

/// <summary><c>mesh status</c>: what runs, with its health asked just now. Exit code 0 when everything is up, else 1.</summary>
internal static class StatusCommand
{
    public static Command Create(TimeProvider clock)
    {
        var data = CommonOptions.Data();
        var output = new Option<string>("--output") { Description = "table or json", HelpName = "FORM", DefaultValueFactory = _ => "table" }.AcceptOnlyFromAmong("table", "json");
        var command = new Command("status", "Show what runs.") { data, output };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = CommonOptions.FolderOf(arguments, data);
            var report = await ReportAsync(folder, clock, cancellationToken).ConfigureAwait(false);
            if (arguments.GetValue(output) == "json") Console.WriteLine(JsonSerializer.Serialize(report, StatusJson.Default.StatusReport));
            else if (report.Running) WriteTable(report);
            else throw new MeshStartException($"no mesh runs on {folder}: start one with ./mesh up, or name its folder with --data DIR.");
            return report.Running && report.Services.All(s => s is { State: Phase.Running, Health: "UP" }) ? 0 : 1;
        });
        return command;
    }

    internal static async Task<StatusReport> ReportAsync(string data, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (!DataLock.IsTaken(data) || StateFile.Read(data) is not { } state) return new StatusReport(false, false, null, null, null, []);

        using var health = new HealthProbe();
        var rows = state.Instances.Select(async i => new StatusRow(
            i.Service, i.Instance, i.Pid, i.Port, i.Phase, i.Restarts,
            i.Pid is not null && i.Since is { } since ? Math.Round((clock.GetUtcNow() - since).TotalSeconds, 1) : null,
            i.Pid is null ? null : await health.AskAsync(i.Port, cancellationToken).ConfigureAwait(false) ?? "no answer",
            i.LastError));
        return new StatusReport(true, state.Ready, state.Pid, state.GatewayUrl, state.Demo, await Task.WhenAll(rows).ConfigureAwait(false));
    }

    private static void WriteTable(StatusReport report)
    {
        var table = new Table().Border(Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded);
        foreach (var column in new[] { "service", "instance", "pid", "port", "state", "restarts", "uptime", "health" }) table.AddColumn(new TableColumn(column).NoWrap());
        foreach (var row in report.Services)
            table.AddRow(
                new Text(row.Service), Number(row.Instance), Number(row.Pid), Number(row.Port),
                new Text(row.State == Phase.Failed ? "FAILED" : row.State.ToString().ToLowerInvariant(), row.State == Phase.Failed ? Color.Red : Style.Plain),
                Number(row.Restarts), new Text(Uptime(row.UptimeSeconds)), new Text(row.Health ?? "-"));
        AnsiConsole.Write(table);
        foreach (var row in report.Services.Where(s => s.State == Phase.Failed))
            Console.WriteLine($"{row.Service} is left down: {row.LastError ?? "see its log"}");
        Console.WriteLine($"{report.GatewayUrl}{(report.Demo == true ? "  (demo identities are on)" : "")}");
    }

    private static Text Number(int? number) => new(number?.ToString(CultureInfo.InvariantCulture) ?? "-");

    private static string Uptime(double? seconds) => seconds is { } s
        ? TimeSpan.FromSeconds(Math.Floor(s)).ToString(s >= 86400 ? @"d\.hh\:mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture)
        : "-";
}
