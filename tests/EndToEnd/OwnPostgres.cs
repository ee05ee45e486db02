using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using SecureMesh.Tests.Support;

namespace SecureMesh.EndToEnd;

/// <summary>A PostgreSQL server of one test, which stops and starts it; the others' server runs on.</summary>
internal sealed class OwnPostgres : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly TemporaryFolder _folder = new();
    private readonly string _programs = Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last() + "/bin";
    // PostgreSQL refuses to run as root.
    private readonly bool _asAnother = Environment.UserName == "root";
    private readonly int _port = FreePort();

    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Username=postgres;Database=postgres";

    private string Cluster => Path.Combine(_folder.Path, "cluster");

    public static async Task<OwnPostgres> StartedAsync()
    {
        var server = new OwnPostgres();
        try
        {
            if (server._asAnother) await RunAsync("chown", "postgres", server._folder.Path);
            await server.ProgramAsync("initdb", "-D", server.Cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync");
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it; returns when it takes connections.</summary>
    public async Task StartAsync() => await ProgramAsync(
        "pg_ctl", "-D", Cluster, "-w", "-s", "-l", Path.Combine(_folder.Path, "log"),
        "-o", $"-p {_port} -h 127.0.0.1 -k {_folder.Path} -c max_connections=300 -c full_page_writes=off", "start");

    /// <summary>Stops it under its users: <c>fast</c> ends their transactions, <c>immediate</c> is a crash.</summary>
    public Task StopAsync(string mode) => ProgramAsync("pg_ctl", "-D", Cluster, "-w", "-s", "-m", mode, "stop");

    private Task ProgramAsync(string name, params string[] arguments)
    {
        var program = Path.Combine(_programs, name);
        return _asAnother ? RunAsync("runuser", ["-u", "postgres", "--", program, .. arguments]) : RunAsync(program, arguments);
    }

    // Without its output: the server inherits it and would keep it open.
    private static async Task RunAsync(string program, params string[] arguments)
    {
        var script = "exec \"$@\" >/dev/null 2>&1 </dev/null";
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", script, program, program, .. arguments]) { WorkingDirectory = "/" })!;
        using var limit = new CancellationTokenSource(Limit);
        await process.WaitForExitAsync(limit.Token);
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (File.Exists(Path.Combine(Cluster, "postmaster.pid"))) await StopAsync("immediate");
        _folder.Dispose();
    }
}
