using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace SecureMesh.EndToEnd;

public sealed class StartAndStop
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_stops_everything_within_five_seconds_and_leaves_no_process(string signal)
    {
        await using var mesh = new RunningMesh();
        using var up = StartInForeground(mesh);
        var output = new List<string>();
        up.OutputDataReceived += (_, line) => { lock (output) output.Add(line.Data ?? ""); };
        up.ErrorDataReceived += (_, _) => { };
        up.BeginOutputReadLine();
        up.BeginErrorReadLine();
        await RunningMesh.EventuallyAsync("the mesh is ready", async () => (await mesh.GetAsync("/healthz")).Status == 200);
        await RunningMesh.EventuallyAsync("the table", () => { lock (output) return Task.FromResult(output.Count(line => line.Contains("curl ", StringComparison.Ordinal)) >= 3); });
        var pids = (await mesh.StatusAsync()).Select(instance => instance.Pid!.Value).ToList();
        Assert.Equal(5, pids.Count);

        Operations.Signal(signal, up.Id);
        await up.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.All(pids, pid => Assert.False(Directory.Exists($"/proc/{pid}"), $"process {pid} lives on"));
    }

    [Fact]
    public async Task The_curl_lines_of_the_table_work_when_pasted()
    {
        await using var mesh = new RunningMesh();
        var up = await mesh.UpAsync();
        Assert.True(up.ExitCode == 0, up.Error);
        var lines = up.Output.Split('\n').Select(line => line.Trim()).Where(line => line.Contains("curl ", StringComparison.Ordinal)).ToList();

        Assert.Equal(3, lines.Count);
        var pasted = await Repository.RunAsync("bash", ["-c", "set -e\n" + string.Join("\n", lines)]);
        Assert.True(pasted.ExitCode == 0, pasted.Error);
        Assert.Contains("\"name\":\"demo\"", pasted.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\"error\"", pasted.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_that_names_it()
    {
        await using var mesh = new RunningMesh();
        using var taken = new TcpListener(IPAddress.Loopback, mesh.AccountPort);
        taken.Start();

        await RefusedAsync(mesh, $"{mesh.AccountPort}");
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_one_line_that_names_it()
    {
        await using var mesh = new RunningMesh();
        await File.WriteAllTextAsync(mesh.Data, "a file where the folder should be", TestContext.Current.CancellationToken);

        await RefusedAsync(mesh, mesh.Data);
    }

    [Theory]
    [InlineData("gateway:\n  routes: [\n", "gateway.yml: line ")]
    [InlineData("gateway:\n  hosts: [a, b\nx: 1\n", "gateway.yml: line 3, ")]
    [InlineData("limits: { perAddress: 60/minute\nx: 1\n", "gateway.yml: line 2, ")]
    public async Task A_broken_configuration_file_is_one_line_that_names_it(string content, string named)
    {
        await using var mesh = new RunningMesh();
        await File.WriteAllTextAsync(Path.Combine(mesh.Configuration, "gateway.yml"), content, TestContext.Current.CancellationToken);

        await RefusedAsync(mesh, named);
    }

    [Fact]
    public async Task A_route_without_a_policy_stops_the_start_and_is_named()
    {
        await using var mesh = new RunningMesh();
        var file = Path.Combine(mesh.Configuration, "gateway.yml");
        var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(file, text.Replace("  routes:\n", "  routes:\n    open-door:\n      path: /open/{**rest}\n      service: account-service\n", StringComparison.Ordinal), TestContext.Current.CancellationToken);

        await RefusedAsync(mesh, "open-door");
    }

    [Fact]
    public async Task A_configuration_folder_that_is_not_there_and_an_unknown_service_are_one_line()
    {
        await using var mesh = new RunningMesh();
        await RefusedAsync(mesh, "no-such-folder", "--config", "no-such-folder");
        await RefusedAsync(mesh, "nothing-service", "--instances", "nothing-service=2");
        await RefusedAsync(mesh, "port", "--port-base", "70000");
        await RefusedAsync(mesh, "127.0.0.1", "--database", "Host=127.0.0.1;Port=1;Username=nobody");
    }

    [Fact]
    public async Task A_second_mesh_on_the_same_data_is_refused()
    {
        await using var mesh = new RunningMesh();
        await mesh.StartAsync();

        await RefusedAsync(mesh, "already");
        Assert.Equal(200, (await mesh.GetAsync("/accounts/demo")).Status);
    }

    [Fact]
    public async Task Auth_and_account_run_in_several_instances_on_one_postgres_database()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await using var mesh = new RunningMesh("--database", database.ConnectionString, "--instances", "account=2,auth=2");
        await mesh.StartAsync();
        var auths = (await mesh.StatusAsync()).Where(instance => instance.Service == "auth-service").ToList();
        Assert.Equal(2, auths.Count);

        var keys = new HashSet<string>();
        foreach (var instance in auths) keys.Add((await mesh.GetAsync($"http://127.0.0.1:{instance.Port}/uaa/token_keys")).Expect(200).Body);
        Assert.Single(keys);
        for (var i = 0; i < 6; i++)
        {
            var session = (await mesh.SignInAsync("demo", "demo")).Expect(200);
            Assert.Equal(200, (await mesh.GetAsync("/accounts/current", session.Text("access_token"))).Status);
            (await mesh.TokenAsync("browser", "", ("grant_type", "refresh_token"), ("refresh_token", session.Text("refresh_token")))).Expect(200);
        }
    }

    private static Process StartInForeground(RunningMesh mesh) => Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "mesh"), ["up", "--port-base", $"{mesh.PortBase}", "--data", mesh.Data, "--config", mesh.Configuration])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
    })!;

    private static async Task RefusedAsync(RunningMesh mesh, string named, params string[] more)
    {
        var ended = await mesh.UpAsync(more);

        Assert.NotEqual(0, ended.ExitCode);
        var line = Assert.Single(ended.ErrorLines);
        Assert.Contains(named, line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Output + ended.Error, StringComparison.Ordinal);
    }
}
