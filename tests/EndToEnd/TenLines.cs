using System.Diagnostics;
using System.Text.RegularExpressions;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>docs/new-service.md, done to the letter.</summary>
[Collection(nameof(DemoMesh))]
public sealed class TenLines(DemoMesh demo)
{
    private readonly RunningMesh _mesh = demo.Mesh;

    [Fact]
    public async Task The_service_of_the_guide_builds_joins_and_is_called_through_the_gateway()
    {
        var guide = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "new-service.md"), TestContext.Current.CancellationToken);
        var program = Block(guide, "csharp");
        Assert.True(program.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length <= 10);
        using var folder = new TemporaryFolder();
        folder.Write("Program.cs", program);
        folder.Write("GreetingService.csproj", Block(guide, "xml"));
        var built = await Repository.RunAsync("dotnet", ["build", "-c", "Release", "--nologo", "-o", Path.Combine(folder.Path, "out")], folder.Path, environment: Environment());
        Assert.True(built.ExitCode == 0, built.Output);

        var routes = Path.Combine(_mesh.Configuration, "gateway.yml");
        var before = await File.ReadAllTextAsync(routes, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(routes, before.Replace("  routes:\n", "  routes:\n" + Block(guide, "yaml"), StringComparison.Ordinal), TestContext.Current.CancellationToken);
        using var service = Start(folder.Path);
        try
        {
            var token = await _mesh.UserTokenAsync();
            await RunningMesh.EventuallyAsync("the greeting", async () => (await _mesh.GetAsync("/greetings/world", token)).Status == 200);

            Assert.Equal("""{"text":"Hello, world"}""", (await _mesh.GetAsync("/greetings/world", token)).Body);
            Assert.Equal(401, (await _mesh.GetAsync("/greetings/world")).Status);
            Assert.Equal(403, (await _mesh.GetAsync("/greetings/world", await _mesh.UserTokenAsync(scope: "openid"))).Status);
        }
        finally
        {
            Operations.Signal("TERM", service.Id);
            await service.WaitForExitAsync(TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(routes, before, TestContext.Current.CancellationToken);
        }
        var apps = await _mesh.GetAsync($"http://127.0.0.1:{_mesh.RegistryPort}/eureka/apps", null, ("Accept", "application/json"));
        Assert.DoesNotContain("GREETING-SERVICE", apps.Body, StringComparison.Ordinal);
    }

    private Process Start(string folder)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(folder, "out", "GreetingService.dll"), "--urls", "http://127.0.0.1:0"]) { WorkingDirectory = folder };
        foreach (var (name, value) in Environment()) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private Dictionary<string, string> Environment() => new()
    {
        ["SecureMesh"] = Repository.Root,
        ["MESH__CONFIG__URL"] = $"http://127.0.0.1:{_mesh.ConfigPort}",
        ["MESH_GATEWAY_URL"] = _mesh.Url.OriginalString,
        ["MESH_AUTH_URL"] = $"http://127.0.0.1:{_mesh.AuthPort}",
        ["MESH_REGISTRY_URL"] = $"http://127.0.0.1:{_mesh.RegistryPort}/eureka/",
    };

    private static string Block(string guide, string language) => Regex.Match(guide, $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
}
