using System.Diagnostics;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>What a start accepts, and what the check before it says.</summary>
public sealed class StartTests
{
    private static async Task<(int Code, string[] Lines)> CheckAsync(string repository)
    {
        using var output = new StringWriter();
        var code = await CheckCommand.RunAsync(repository, output);
        return (code, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<(int Code, string Errors)> StartAsync(string? repository)
    {
        var (code, _, errors) = await RunAsync(repository);
        return (code, errors);
    }

    // The process as the supervisor starts it.
    internal static async Task<(int Code, string Output, string Errors)> RunAsync(string? repository, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "SecureMesh.Config.dll"), .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["MESH__REGISTRY__ENABLED"] = "false";
        start.Environment["MESH__DATA"] = Path.GetTempPath();
        if (repository is not null) start.Environment["CONFIG__REPOSITORY"] = repository;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, errors);
    }

    [Fact]
    public async Task The_check_names_each_broken_file_in_a_line_and_exits_with_78()
    {
        using var folder = new TemporaryFolder();
        folder.Write("good.yml", "a: 1\n");
        folder.Write("bad.yml", "a: 1\na: 2\n");
        folder.Write("sub/worse.properties", "a=\\uXYZ\n");

        var (code, lines) = await CheckAsync(folder.Path);

        Assert.Equal(78, code);
        Assert.Equal(["bad.yml: line 2, column 1: duplicate key 'a'", "sub/worse.properties: line 1, column 5: \\u needs four hexadecimal digits"], lines);
    }

    [Fact]
    public async Task The_check_of_a_good_repository_says_nothing()
    {
        using var folder = new TemporaryFolder();
        folder.Write("good.yml", "a: 1\n");

        var (code, lines) = await CheckAsync(folder.Path);

        Assert.Equal(0, code);
        Assert.Empty(lines);
    }

    [Fact]
    public async Task The_check_reads_what_git_would_serve()
    {
        using var folder = new TemporaryFolder();
        new GitRepository(folder.Path).Commit("foo.yml", "a: [1\n");
        folder.Write("foo.yml", "a: 1\n"); // mended, not committed

        var (code, lines) = await CheckAsync(folder.Path);

        Assert.Equal(78, code);
        Assert.StartsWith("foo.yml: line ", Assert.Single(lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("a-file")]
    [InlineData("git-without-commits")]
    public async Task A_repository_that_cannot_be_served_stops_the_start_with_one_line(string kind)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, kind);
        if (kind == "a-file") folder.Write(kind, "text");
        if (kind == "git-without-commits") _ = new GitRepository(path);

        var (code, lines) = await CheckAsync(path);
        Assert.Equal(78, code);
        Assert.Contains(path, Assert.Single(lines), StringComparison.Ordinal);

        Assert.Equal((78, "cannot start: " + lines[0] + "\n"), await StartAsync(path));
    }

    [Fact]
    public async Task Without_a_repository_setting_the_start_says_which_one_is_missing()
    {
        Assert.Equal((78, "cannot start: config:repository (CONFIG__REPOSITORY) must name a folder or a git repository.\n"), await StartAsync(null));
        Assert.Equal((78, "cannot start: config:repository (CONFIG__REPOSITORY) must be a local folder or git repository: clone the remote one and name the clone.\n"), await StartAsync("https://git.example/x.git"));
    }

    [Fact]
    public async Task A_broken_file_does_not_stop_the_start_and_is_logged_by_name()
    {
        await using var server = new ConfigServer().File("bad.yml", "a: [").File("foo.yml", "a: 1\n");

        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
        Assert.Contains(server.Service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("bad.yml", StringComparison.Ordinal));
        Assert.Equal("UP", (await server.GetAsync("/actuator/health")).Json["status"]!.GetValue<string>());
    }
}
