using System.Text.Json;
using SecureMesh.Cli.Commands;
using SecureMesh.Cli.State;
using SecureMesh.Cli.Tests.Terminal;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Commands;

public sealed class JsonTests : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly TestShell _shell = new();

    public void Dispose()
    {
        _shell.Dispose();
        _data.Dispose();
    }

    [Fact]
    public async Task Down_says_whether_something_ran()
    {
        var ran = (await _shell.RunAsync("down", "--data", _data.Path, "--output", "json")).Expect(0);

        Assert.Equal(JsonSerializer.Serialize(new { data = _data.Path, wasRunning = false }), JsonSerializer.Serialize(ran.Json));
    }

    [Fact]
    public async Task Logs_are_an_object_a_line()
    {
        _data.Write("logs/auth-service.log", "one \"quoted\"\ntwo\n");
        _data.Write("logs/gateway.log", "three\n");

        var ran = (await _shell.RunAsync("logs", "--data", _data.Path, "--output", "json")).Expect(0);
        var text = (await _shell.RunAsync("logs", "auth", "--lines", "1", "--data", _data.Path)).Expect(0);

        Assert.Equal("""
            {"service":"auth-service","line":"one \"quoted\""}
            {"service":"auth-service","line":"two"}
            {"service":"gateway","line":"three"}

            """, ran.Out);
        Assert.Equal("two\n", text.Out);
    }

    [Fact]
    public async Task Secrets_have_the_variables_of_the_file_and_the_administrators_secret()
    {
        var json = (await _shell.RunAsync("secrets", "--output", "json")).Expect(0).Json;
        var text = (await _shell.RunAsync("secrets")).Expect(0);

        var names = text.Out.Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal)).Select(line => line.Split('=')[0]);
        Assert.Equal(names, json.GetProperty("variables").EnumerateObject().Select(v => v.Name));
        Assert.Matches("^[A-Za-z0-9_-]{43}$", json.GetProperty("adminSecret").GetString()!);
        Assert.DoesNotContain(json.GetProperty("adminSecret").GetString()!, text.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_of_no_mesh_is_an_empty_list_and_exit_code_1()
    {
        var ran = (await _shell.RunAsync("status", "--data", _data.Path, "--output", "json")).Expect(1);

        Assert.Empty(ran.Json.EnumerateArray());
        Assert.StartsWith("""{"error":"failed","message":"no mesh runs on """, ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"pid\": 12, \"gatewayUrl\": \"http://local")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("{\"pid\":1,\"gatewayUrl\":\"http://localhost:1\",\"instances\":[{}]}")]
    [InlineData("{\"pid\":1,\"gatewayUrl\":\"http://localhost:1\",\"instances\":[null]}")]
    [InlineData(null)]
    public async Task Status_of_a_mesh_whose_state_is_half_written_says_so(string? content)
    {
        if (content is not null) _data.Write("state.json", content);
        using var running = DataLock.TryTake(_data.Path);

        var text = (await _shell.RunAsync("status", "--data", _data.Path)).Expect(1);
        var json = (await _shell.RunAsync("status", "--data", _data.Path, "--output", "json")).Expect(1);
        var down = (await _shell.RunAsync("down", "--data", _data.Path)).Expect(1);

        Assert.StartsWith($"mesh: a mesh runs on {_data.Path}, but {_data.Path}/state.json is missing or damaged", text.Error, StringComparison.Ordinal);
        Assert.Empty(json.Json.EnumerateArray());
        Assert.Contains("try again in a moment", down.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_finds_the_mesh_that_runs_here_and_only_while_it_runs()
    {
        Directory.CreateDirectory(Path.Combine(_shell.Home, ".mesh"));
        StateFile.Write(Path.Combine(_shell.Home, ".mesh"), new MeshState(1, "1", DateTimeOffset.UnixEpoch, "http://localhost:1234", true, true, []));
        using (DataLock.TryTake(Path.Combine(_shell.Home, ".mesh")))
            Assert.Contains("signed in at http://localhost:1234:", (await _shell.RunAsync("whoami")).Expect(3).Error, StringComparison.Ordinal);

        var stopped = (await _shell.RunAsync("whoami")).Expect(3);
        Assert.DoesNotContain(":1234", stopped.Error, StringComparison.Ordinal);
        _shell.Variables["MESH_URL"] = "http://localhost:9";
        Assert.Contains("signed in at http://localhost:9:", (await _shell.RunAsync("whoami")).Expect(3).Error, StringComparison.Ordinal);
        Assert.Contains("signed in at https://a.example:", (await _shell.RunAsync("whoami", "--url", "https://A.example:443/")).Expect(3).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("removed 9 demo clients and users\n", "removed 9 demo clients and users")]
    [InlineData("warn: Microsoft.AspNetCore.DataProtection[35]\n      No XML encryptor configured.\nremoved 1 demo accounts\ninfo: Microsoft.Hosting.Lifetime[0]\n      Application is shutting down...\n", "removed 1 demo accounts")]
    [InlineData("", "done")]
    public void Of_what_remove_demo_wrote_the_lines_of_the_host_are_left_out(string output, string said) => Assert.Equal(said, RemoveDemoCommand.Said(output));

    [Fact]
    public void Every_command_and_exit_code_stands_in_the_manual()
    {
        var manual = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "cli.md"));
        using var shell = new TestShell();
        var commands = SecureMesh.Cli.Terminal.MeshCommandLine.Create(shell.Shell()).Subcommands.SelectMany(c => c.Subcommands.Count == 0 ? [c.Name] : c.Subcommands.Select(s => $"{c.Name} {s.Name}"));

        Assert.All(commands, name => Assert.Contains($"`{name}", manual, StringComparison.Ordinal));
        foreach (var code in new[] { 1, 2, 3, 4, 5, 70, 78 })
            Assert.Contains($"| {code} | `{SecureMesh.Cli.Terminal.ExitCode.Word(code)}` |", manual, StringComparison.Ordinal);
    }
}
