using System.Diagnostics;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>The gateway as a process of its own, without configuration server and registry.</summary>
internal sealed class GatewayProcess : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly Process _process;

    private GatewayProcess(Dictionary<string, string> settings, string urls)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "SecureMesh.Gateway"), ["--urls", urls])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = _data.Path,
        };
        settings = new(settings) { ["mesh:config:enabled"] = "false", ["mesh:registry:enabled"] = "false", ["mesh:data"] = _data.Path };
        foreach (var (key, value) in settings) start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        _process = Process.Start(start)!;
    }

    public static GatewayProcess Start(Dictionary<string, string> settings, string urls)
    {
        var gateway = new GatewayProcess(settings, urls);
        gateway._process.BeginOutputReadLine();
        gateway._process.BeginErrorReadLine();
        return gateway;
    }

    /// <summary>Starts one whose lines nobody reads once it listens, and says where.</summary>
    public static async Task<(GatewayProcess Gateway, Uri Url)> StartUnreadAsync(Dictionary<string, string> settings)
    {
        const string words = "Now listening on: ";
        var gateway = new GatewayProcess(settings, "http://127.0.0.1:0");
        while (await gateway._process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            var at = line.IndexOf(words, StringComparison.Ordinal);
            if (at >= 0) return (gateway, new Uri(new string([.. line[(at + words.Length)..].TakeWhile(c => c is not ('"' or ' '))])));
        }
        throw new Xunit.Sdk.XunitException("the gateway ended before it listened");
    }

    /// <summary>Reads its log on to a line that holds the words.</summary>
    public async Task ReadToAsync(string words)
    {
        while (await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.Contains(words, StringComparison.Ordinal)) return;
        }
        throw new Xunit.Sdk.XunitException("its log ended without: " + words);
    }

    public Task<string?> ErrorLineAsync() => _process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();

    /// <summary>Waits for an end that comes by itself, and returns exit code and standard error.</summary>
    public static async Task<(int Exit, string Error)> EndAsync(Dictionary<string, string> settings, string urls = "http://127.0.0.1:0")
    {
        using var gateway = new GatewayProcess(settings, urls);
        var output = gateway._process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = gateway._process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await gateway._process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await output;
        return (gateway._process.ExitCode, (await error).Trim());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        _data.Dispose();
    }
}
