using System.Globalization;
using SecureMesh.Cli.State;
using Spectre.Console;

namespace SecureMesh.Cli.Start;

/// <summary>Shows which services are up while the mesh starts: a table on a terminal, a line each elsewhere.</summary>
internal static class StartProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public static Task ShowAsync(Func<MeshState?> state, Task end, TimeProvider clock) => Console.IsOutputRedirected
        ? ShowLinesAsync(state, end, clock)
        : AnsiConsole.Live(new Text("starting")).AutoClear(true).StartAsync(live => ShowTableAsync(live, state, end, clock));

    private static async Task ShowLinesAsync(Func<MeshState?> state, Task end, TimeProvider clock)
    {
        var began = clock.GetTimestamp();
        var shown = new Dictionary<string, Phase>();
        do
        {
            foreach (var instance in state()?.Instances ?? [])
            {
                if (instance.Phase is not (Phase.Up or Phase.Failed) || !Changed(shown, instance)) continue;
                var elapsed = clock.GetElapsedTime(began).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
                Console.WriteLine($"{instance.Name,-17} {(instance.Phase == Phase.Up ? "up" : "FAILED")} after {elapsed} s");
            }
        }
        while (await PauseAsync(end, clock).ConfigureAwait(false));
    }

    private static async Task ShowTableAsync(LiveDisplayContext live, Func<MeshState?> state, Task end, TimeProvider clock)
    {
        var began = clock.GetTimestamp();
        do
        {
            var grid = new Grid().AddColumn().AddColumn();
            foreach (var instance in state()?.Instances ?? [])
                grid.AddRow(new Text(instance.Name), new Markup(Word(instance.Phase)));
            grid.AddRow("", $"[grey]{clock.GetElapsedTime(began).TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s[/]");
            live.UpdateTarget(grid);
        }
        while (await PauseAsync(end, clock).ConfigureAwait(false));
    }

    private static string Word(Phase phase) => phase switch
    {
        Phase.Up => "[green]up[/]",
        Phase.Failed => "[red]FAILED[/]",
        Phase.Waiting => "[yellow]waiting[/]",
        _ => "[grey]starting[/]",
    };

    private static bool Changed(Dictionary<string, Phase> shown, InstanceState instance)
    {
        if (shown.TryGetValue(instance.Name, out var last) && last == instance.Phase) return false;
        shown[instance.Name] = instance.Phase;
        return true;
    }

    private static async Task<bool> PauseAsync(Task end, TimeProvider clock)
    {
        if (end.IsCompleted) return false;
        await Task.WhenAny(end, Task.Delay(Interval, clock)).ConfigureAwait(false);
        return true;
    }
}
