using System.ComponentModel;
using System.Diagnostics;

namespace SecureMesh.Config.Sources;

/// <summary>
/// Runs git on one repository: reading commands of its plumbing only, which start no hook, filter, pager or signature
/// check that the repository's own configuration might name.
/// </summary>
internal sealed class GitCommand(string gitFolder)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public string GitFolder => gitFolder;

    /// <summary>The output; null when git refused.</summary>
    /// <exception cref="IOException">git cannot be started, or does not end.</exception>
    public async Task<byte[]?> TryRunAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        using var process = Start(arguments);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            using var output = new MemoryStream();
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardOutput.BaseStream.CopyToAsync(output, limit.Token);
            await errors;
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? output.ToArray() : null;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new IOException($"git {arguments[0]} did not end within {Limit.TotalSeconds} s");
        }
    }

    /// <summary>The output of a command that must succeed.</summary>
    public async Task<byte[]> RunAsync(CancellationToken cancellationToken, params string[] arguments) =>
        await TryRunAsync(cancellationToken, arguments) ?? throw new IOException($"git {arguments[0]} failed");

    private Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
        start.ArgumentList.Add("--git-dir=" + gitFolder);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        // Nothing of the surroundings decides what is read, and no secret of this process is handed on.
        var path = start.Environment.TryGetValue("PATH", out var value) ? value : null;
        start.Environment.Clear();
        if (path is not null) start.Environment["PATH"] = path;
        foreach (var (name, setting) in Settings) start.Environment[name] = setting;
        try
        {
            var process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (Win32Exception e)
        {
            throw new IOException("the git command cannot be started: install git", e);
        }
    }

    private static readonly (string, string)[] Settings =
    [
        ("LC_ALL", "C"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", OperatingSystem.IsWindows() ? "NUL" : "/dev/null"), ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_NO_REPLACE_OBJECTS", "1"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_LITERAL_PATHSPECS", "1"),
    ];
}
