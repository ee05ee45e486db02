using System.Text.Json;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary><c>--flatten</c>: what the server would serve, without a server.</summary>
public sealed class FlattenTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static async Task<(int Code, string Output, string Errors)> FlattenAsync(string path)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await FlattenCommand.RunAsync(path, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private static string Sources(string output) =>
        string.Join('|', JsonDocument.Parse(output).RootElement.GetProperty("propertySources").EnumerateArray().Select(source => source.GetProperty("source").GetRawText()));

    [Fact]
    public async Task A_file_is_flattened_as_it_is_served_the_later_documents_first_and_other_profiles_left_out()
    {
        var file = _folder.Write("gateway.yml", "a:\n  b: [x, y]\n  c: ${NAME:z}\n---\nspring.config.activate.on-profile: other\na.d: 1\n---\na.e: true\n");

        var (code, output, errors) = await FlattenAsync(file);

        Assert.Equal((0, ""), (code, errors));
        Assert.Equal("""{"a.e":true}|{"a.b[0]":"x","a.b[1]":"y","a.c":"${NAME:z}"}""", Sources(output));
    }

    [Fact]
    public async Task A_folder_is_what_the_gateway_gets_of_it()
    {
        _folder.Write("application.yml", "a: shared\n");
        _folder.Write("gateway.yml", "a: own\n");
        _folder.Write("account-service.yml", "a: anothers\n");
        _folder.Write("gateway-dev.yml", "a: of a profile\n");

        var (code, output, _) = await FlattenAsync(_folder.Path);

        Assert.Equal(0, code);
        Assert.Equal("""{"a":"own"}|{"a":"shared"}""", Sources(output));
    }

    [Fact]
    public async Task The_programs_option_does_it_and_prints_nothing_else()
    {
        var (code, output, errors) = await StartTests.RunAsync(null, "--flatten", _folder.Write("gateway.yml", "a: 1\n"));

        Assert.Equal((0, ""), (code, errors));
        Assert.Equal("""{"a":1}""", Sources(output));
    }

    [Theory]
    [InlineData("gateway.yml", "a: [1\n")]
    [InlineData("gateway.txt", "a: 1\n")]
    [InlineData("gateway.yml", "a: &x 1\nb: *y\n")]
    public async Task A_broken_file_is_one_line_and_78(string name, string content)
    {
        var (code, output, errors) = await FlattenAsync(_folder.Write(name, content));

        Assert.Equal((78, ""), (code, output));
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(name, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_there_is_78() => Assert.Equal(78, (await FlattenAsync(Path.Combine(_folder.Path, "missing.yml"))).Code);

    [Fact]
    public async Task A_broken_folder_is_78()
    {
        _folder.Write("gateway.yml", "a: [1\n");

        var (code, _, errors) = await FlattenAsync(_folder.Path);

        Assert.Equal(78, code);
        Assert.Contains("gateway.yml", errors, StringComparison.Ordinal);
    }
}
