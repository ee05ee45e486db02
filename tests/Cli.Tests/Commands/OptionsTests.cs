using System.CommandLine;
using SecureMesh.Cli.Commands;
using SecureMesh.Sdk;
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
    [InlineData("--port-base must be a number from 1 to 65526, not '70000'.", "--port-base", "70000")]
    [InlineData("--port-base must be a number from 1 to 65526, not '0'.", "--port-base", "0")]
    [InlineData("--port-base must be a number from 1 to 65526, not 'x'.", "--port-base", "x")]
    [InlineData("--instances: there is no service 'nobody'; there are gateway, auth, account.", "--instances", "nobody=2")]
    [InlineData("--data needs a folder.", "--data", " ")]
    [InlineData("--database needs a connection string.", "--database", "")]
    public async Task A_bad_value_is_refused_with_what_is_expected(string expected, params string[] options)
    {
        var arguments = new RootCommand { UpCommand.Create(TimeProvider.System) }.Parse(["up", .. options]);

        var refused = await Assert.ThrowsAsync<MeshStartException>(
            () => arguments.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }, TestContext.Current.CancellationToken));

        Assert.Equal(expected, refused.Message);
    }

    [Theory]
    [InlineData("up", "--nonsense")]
    [InlineData("up", "stray")]
    [InlineData("up", "--data")]
    [InlineData("status", "--output", "xml")]
    [InlineData("logs", "--lines", "many")]
    [InlineData("nonsense")]
    public void What_no_command_knows_is_an_error(params string[] arguments) => Assert.NotEmpty(Root().Parse(arguments).Errors);

    [Fact]
    public void Logs_take_a_service_lines_and_follow() => Assert.Empty(Root().Parse(["logs", "auth", "--follow", "--lines", "7"]).Errors);

    private static RootCommand Root() => new()
    {
        UpCommand.Create(TimeProvider.System), StatusCommand.Create(TimeProvider.System), LogsCommand.Create(TimeProvider.System),
    };
}
