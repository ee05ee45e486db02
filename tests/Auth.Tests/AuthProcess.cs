using System.Diagnostics;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Tests;

/// <summary>The program as a process of its own, for what only a process shows: exit codes, its last line, sudden death.</summary>
internal static class AuthProcess
{
    private static readonly string _program = typeof(TokenEndpoint).Assembly.Location;

    public static ProcessStartInfo Start(IEnumerable<KeyValuePair<string, string>> settings, params string[] arguments)
    {
        // With the list of dependencies of the tests: the program's own is for its own folder, where native libraries lie elsewhere.
        var depends = Path.ChangeExtension(typeof(AuthProcess).Assembly.Location, ".deps.json");
        string[] line = ["exec", "--depsfile", depends, "--runtimeconfig", Path.ChangeExtension(_program, ".runtimeconfig.json"), _program, .. arguments];
        var start = new ProcessStartInfo("dotnet", line) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MESH__CONFIG__ENABLED"] = "false";
        start.Environment["MESH__REGISTRY__ENABLED"] = "false";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        foreach (var (key, value) in settings) start.Environment[key.ToUpperInvariant().Replace(":", "__", StringComparison.Ordinal)] = value;
        return start;
    }

    /// <summary>Runs the program until it ends by itself.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(IEnumerable<KeyValuePair<string, string>> settings, params string[] arguments)
    {
        using var process = Process.Start(Start(settings, arguments))!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    /// <summary>The one line with which a start refuses.</summary>
    public static async Task<string> RefusalAsync(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var (code, _, error) = await RunAsync(settings);
        Assert.Equal(78, code);
        const string prefix = "cannot start: ";
        Assert.StartsWith(prefix, error, StringComparison.Ordinal);
        Assert.Equal(error.Length - 1, error.IndexOf('\n', StringComparison.Ordinal));
        return error[prefix.Length..^1];
    }

    /// <summary>Where a process that was started listens.</summary>
    public static async Task<Uri> AddressAsync(Process process)
    {
        const string words = "Now listening on: ";
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            var at = line.IndexOf(words, StringComparison.Ordinal);
            if (at < 0) continue;
            _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            return new Uri(new string([.. line[(at + words.Length)..].TakeWhile(c => c is not ('"' or ' '))]));
        }
        throw new Xunit.Sdk.XunitException("the process ended: " + await process.StandardError.ReadToEndAsync(limit.Token));
    }
}
