using System.CommandLine;
using SecureMesh.Cli.Commands;
using SecureMesh.Cli.Tests.Terminal;
using Xunit;

namespace SecureMesh.Cli.Tests.Commands;

public sealed class OptionsTests
{
    [Fact]
    public void Of_an_option_given_twice_the_last_one_counts()
    {
        var option = CommonOptions.Data();
        var arguments = new RootCommand { option }.Parse(["--data", "/one", "--data", "/two"]);

        Assert.Empty(arguments.Errors);
        Assert.Equal("/two", CommonOptions.FolderOf(arguments, option));
    }

    [Fact]
    public void Without_an_option_the_data_lie_below_the_working_folder()
    {
        var option = CommonOptions.Data();
        var arguments = new RootCommand { option }.Parse([]);

        Assert.Equal(Path.Combine(Environment.CurrentDirectory, ".mesh"), CommonOptions.FolderOf(arguments, option));
    }

    [Theory]
    [InlineData("--port-base must be a number from 1 to 65526, not '70000'.", "up", "--port-base", "70000")]
    [InlineData("--port-base must be a number from 1 to 65526, not '0'.", "up", "--port-base", "0")]
    [InlineData("--port-base must be a number from 1 to 65526, not 'abc'.", "up", "--port-base", "abc")]
    [InlineData("--instances: there is no service 'nobody'; there are gateway, auth, account.", "up", "--instances", "nobody=2")]
    [InlineData("--data needs a folder.", "up", "--data", " ")]
    [InlineData("--database needs a connection string.", "up", "--database", "")]
    [InlineData("--lines must be a number, not 'many'.", "logs", "--lines", "many")]
    [InlineData("--lines must be a number, not '-1'.", "logs", "-n", "-1")]
    [InlineData("--output is text or json, not 'xml'. See ./mesh --help.", "status", "--output", "xml")]
    [InlineData("--expires is a number with s, m, h, d or w, as 30d, not '30'.", "token", "create", "--label", "x", "--scope", "ui", "--expires", "30")]
    [InlineData("--expires is a number with s, m, h, d or w, as 30d, not '99999999w'.", "token", "create", "--label", "x", "--scope", "ui", "--expires", "99999999w")]
    [InlineData("--url must be the address of a gateway such as http://localhost:8080, not 'nonsense'.", "whoami", "--url", "nonsense")]
    [InlineData("--url must be the address of a gateway such as http://localhost:8080, not 'file:///etc/passwd'.", "whoami", "--url", "file:///etc/passwd")]
    [InlineData("--url must be scheme, host and port alone, as http://localhost:8080.", "whoami", "--url", "http://localhost:8080/uaa")]
    [InlineData("--url: tokens would cross the network readable by all; use https://mesh.example.", "whoami", "--url", "http://mesh.example")]
    [InlineData("--url: tokens would cross the network readable by all; use https://localhost.example.", "whoami", "--url", "http://localhost.example")]
    public async Task A_bad_value_is_refused_with_what_is_expected(string expected, params string[] arguments)
    {
        using var shell = new TestShell();

        var ran = await shell.RunAsync(arguments);

        Assert.Equal((2, "", $"mesh: {expected}\n"), (ran.Code, ran.Out, ran.Error));
    }

    [Theory]
    [InlineData("up", "--nonsense")]
    [InlineData("up", "stray")]
    [InlineData("up", "--data")]
    [InlineData("nonsense")]
    [InlineData("token")]
    [InlineData("token", "create", "--scope", "ui")]
    [InlineData("curl")]
    public async Task What_no_command_knows_is_a_usage_error_in_one_line(params string[] arguments)
    {
        using var shell = new TestShell();

        var ran = await shell.RunAsync(arguments);

        Assert.Equal((2, ""), (ran.Code, ran.Out));
        Assert.Matches("^mesh: [^\n]+\n$", ran.Error);
    }

    [Fact]
    public async Task With_output_json_a_failure_is_one_JSON_line_on_stderr()
    {
        using var shell = new TestShell("http://127.0.0.1:1");

        var usage = await shell.RunAsync("up", "--port-base", "abc", "--output", "json");
        var unknown = await shell.RunAsync("--output=json", "nonsense");
        var away = await shell.RunAsync("login", "--output", "json");

        Assert.Equal("""{"error":"usage","message":"--port-base must be a number from 1 to 65526, not 'abc'.","exitCode":2}""" + "\n", usage.Error);
        Assert.StartsWith("""{"error":"usage","message":""", unknown.Error, StringComparison.Ordinal);
        Assert.StartsWith("""{"error":"unreachable","message":"http://127.0.0.1:1 cannot be reached (""", away.Error, StringComparison.Ordinal);
        Assert.Equal((2, 2, 5), (usage.Code, unknown.Code, away.Code));
    }
}
