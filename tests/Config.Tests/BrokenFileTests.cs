using System.Text;
using SecureMesh.Config.Documents;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>One typo in one file: it costs that file, is named with its line everywhere, and the server lives.</summary>
public sealed class BrokenFileTests
{
    // A bracket or brace that is not closed before a line at column 1, which the parser itself does not refuse but stumbles over.
    public static TheoryData<string> Typos => ["a: [\nb: 1\n", "methods: [GET, HEAD\nx: 1\n", "limits: { perAddress: 60/minute\nx: 1\n"];

    [Theory]
    [MemberData(nameof(Typos))]
    public async Task A_running_server_names_the_file_and_its_line_and_mends_with_it(string typo)
    {
        await using var server = new ConfigServer().File("sub/foo.yml", "a: 1\n").File("bar.yml", "b: 1\n").With("config:searchPaths:0", "sub");
        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);

        server.File("sub/foo.yml", typo);
        await ChangeTests.Until(async () => (await server.GetAsync("/foo/default")).Status == 500);

        foreach (var path in new[] { "/foo/default", "/foo-default.yml", "/foo-default.json", "/foo-default.properties" })
        {
            var answer = await server.GetAsync(path);
            Assert.Equal((500, "application/json"), (answer.Status, answer.ContentType));
            Assert.StartsWith("sub/foo.yml: line 2, column ", answer.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
            Assert.DoesNotContain(server.Folder.Path, answer.Body, StringComparison.Ordinal);
        }
        Assert.Equal(200, (await server.GetAsync("/bar/default")).Status);
        await ChangeTests.Until(async () => await BrokenFilesAsync(server) == 1);
        Assert.Contains(server.Service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("sub/foo.yml cannot be read (line 2, ", StringComparison.Ordinal));

        server.File("sub/foo.yml", "a: 2\n");
        await ChangeTests.Until(async () => (await server.GetAsync("/foo/default")).Status == 200);
        await ChangeTests.Until(async () => await BrokenFilesAsync(server) == 0);

        server.File("bar.yml", typo); // the second one is named as well: the report goes on
        await ChangeTests.Until(async () => await BrokenFilesAsync(server) == 1);
        Assert.DoesNotContain(server.Service.Logs, line => line.Contains("Exception", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Typos))]
    public async Task A_server_starts_with_such_a_file(string typo)
    {
        await using var server = new ConfigServer().File("foo.yml", typo).File("bar.yml", "b: 1\n");

        Assert.Equal(200, (await server.GetAsync("/bar/default")).Status);
        var answer = await server.GetAsync("/foo/default");
        Assert.Equal(500, answer.Status);
        Assert.StartsWith("foo.yml: line 2, column ", answer.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(1, await BrokenFilesAsync(server));
    }

    [Theory]
    [MemberData(nameof(Typos))]
    public async Task The_check_says_it_in_one_line(string typo)
    {
        using var folder = new TemporaryFolder();
        folder.Write("sub/foo.yml", typo);

        var (code, output, errors) = await StartTests.RunAsync(null, "--check", folder.Path);

        Assert.Equal(78, code);
        Assert.StartsWith("sub/foo.yml: line 2, column ", Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal("", errors);
    }

    [Fact]
    public void Words_of_the_file_stay_in_one_line_of_bearable_length()
    {
        var file = ConfigFile.Read(".yml", Encoding.UTF8.GetBytes($"\"a\\nb{new string('c', 900)}\": 1\n\"a\\nb{new string('c', 900)}\": 2\n"));

        Assert.StartsWith("line 2, column 1: duplicate key 'a bccc", file.Fault, StringComparison.Ordinal);
        Assert.InRange(file.Fault!.Length, 100, 540);
    }

    private static async Task<int> BrokenFilesAsync(ConfigServer server) =>
        (await server.GetAsync("/actuator/health")).Json["components"]!["configServer"]!["details"]!["brokenFiles"]!.GetValue<int>();
}
