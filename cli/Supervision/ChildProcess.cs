using System.Diagnostics;

namespace SecureMesh.Cli.Supervision;

/// <summary>What to run.</summary>
internal sealed record ChildSpec(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment, string WorkingFolder);

/// <summary>A process of the mesh in a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly string[] ToolFolders = ["/usr/bin/", "/bin/"];
    private static readonly string? Setpriv = Tool("setpriv");
    private static readonly string? Setsid = Tool("setsid");

    private readonly Process _process;

    private ChildProcess(Process process, LogFile log)
    {
        _process = process;
        Output = new OutputPump(log);
        Exited = WaitAsync();
    }

    public int Id => _process.Id;

    public OutputPump Output { get; }

    /// <summary>Ends with the exit code after the last line is in the log.</summary>
    public Task<int> Exited { get; }

    /// <summary>Must be called on a thread that lives as long as the supervisor: <see cref="ChildLauncher"/>.</summary>
    public static ChildProcess Start(ChildSpec spec, LogFile log)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = spec.WorkingFolder,
        };
        // Both replace themselves by the program (exec), so the process id is the program's own. The kernel kills the child
        // when the supervisor is killed: no orphan keeps a port. Without these tools (not Linux) the next start cleans up.
        List<string> command = [.. Setpriv is null ? [] : new[] { Setpriv, "--pdeathsig", "KILL", "--" }, .. Setsid is null ? [] : new[] { Setsid }, spec.Program, .. spec.Arguments];
        start.FileName = command[0];
        foreach (var argument in command.Skip(1)) start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in spec.Environment) start.Environment[name] = value;

        var process = Process.Start(start) ?? throw new InvalidOperationException("No process was started.");
        process.StandardInput.Close();
        return new ChildProcess(process, log);
    }

    public void Terminate()
    {
        if (!Exited.IsCompleted) ProcessSignals.Terminate(_process);
    }

    public void Kill()
    {
        if (!Exited.IsCompleted) _process.Kill();
    }

    public void Dispose() => _process.Dispose();

    private async Task<int> WaitAsync()
    {
        var output = Task.WhenAll(
            Output.RunAsync(_process.StandardOutput.BaseStream, isErrors: false),
            Output.RunAsync(_process.StandardError.BaseStream, isErrors: true));
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // A grandchild that holds the pipe open must not hide that the service is gone.
        await Task.WhenAny(output, Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
        return _process.ExitCode;
    }

    private static string? Tool(string name) => OperatingSystem.IsLinux()
        ? ToolFolders.Select(folder => folder + name).FirstOrDefault(File.Exists)
        : null;
}
