using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using SecureMesh.Cli.Terminal;
using SecureMesh.Tests.Support;

namespace SecureMesh.Cli.Tests.Terminal;

/// <summary>A terminal, environment and home folder of a test's own; runs the commands as the program does.</summary>
internal sealed class TestShell : IDisposable
{
    // A command that waits for what never comes ends as by Ctrl-C, and the test fails.
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(90));
    private readonly TemporaryFolder _home = new();

    public TestShell(string? url = null)
    {
        Variables["HOME"] = _home.Path;
        if (url is not null) Variables["MESH_URL"] = url;
    }

    public ConcurrentDictionary<string, string> Variables { get; } = new();

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>What stands for the person and the browser; null: there is none.</summary>
    public Func<Uri, Task>? Browser { get; set; }

    public string Home => _home.Path;

    public string CredentialsPath => Path.Combine(Home, ".config", "securemesh", "credentials.json");

    /// <summary>What the commands wrote to stderr while they run, for tests that act on it.</summary>
    public ConcurrentQueue<string> Said { get; } = new();

    public Task<Ran> RunAsync(params string[] arguments) => RunAsync(input: "", _limit.Token, arguments);

    /// <summary>For tests that look at the commands without running one.</summary>
    public Shell Shell() => Shell(TextWriter.Null, Stream.Null, TextWriter.Null, "", [], CancellationToken.None);

    public async Task<Ran> RunAsync(string input, CancellationToken stop, params string[] arguments)
    {
        var (output, bytes, error) = (new StringWriter { NewLine = "\n" }, new MemoryStream(), new StringWriter { NewLine = "\n" });
        var browsing = new List<Task>();
        var shell = Shell(output, bytes, new Listening(error, Said), input, browsing, stop);
        var code = await MeshCommandLine.RunAsync(shell, arguments);
        await Task.WhenAll(browsing);
        return new Ran(code, output.ToString(), bytes.ToArray(), error.ToString());
    }

    private Shell Shell(TextWriter output, Stream bytes, TextWriter error, string input, List<Task> browsing, CancellationToken stop) => new()
    {
        Out = output,
        RawOut = bytes,
        Error = error,
        In = new MemoryStream(Encoding.UTF8.GetBytes(input)),
        Clock = Clock,
        Variable = name => Variables.GetValueOrDefault(name) is { Length: > 0 } value ? value : null,
        Browse = url =>
        {
            if (Browser is null) return false;
            browsing.Add(Task.Run(() => Browser(url)));
            return true;
        },
        Folder = Home,
        Stop = stop,
    };

    public void Dispose()
    {
        _home.Dispose();
        _limit.Dispose();
    }

    private sealed class Listening(StringWriter inner, ConcurrentQueue<string> lines) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => inner.Write(value);

        public override void WriteLine(string? value)
        {
            inner.WriteLine(value);
            lines.Enqueue(value ?? "");
        }

        public override Task WriteLineAsync(string? value)
        {
            WriteLine(value);
            return Task.CompletedTask;
        }
    }
}

/// <summary>How a command ended and what it wrote.</summary>
internal sealed record Ran(int Code, string Out, byte[] Bytes, string Error)
{
    public string Body => Encoding.UTF8.GetString(Bytes);

    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    public Ran Expect(int code) => Code == code ? this : throw new InvalidOperationException($"expected exit code {code}, got {Code}: {Out}{Error}");
}
