using System.Text.RegularExpressions;
using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>The mesh's own files, served as the mesh serves them.</summary>
public sealed class RepositoryContentTests
{
    internal static string Repository() => Path.Combine(Checkout.Root, "config", "repository");

    [Theory]
    [InlineData("gateway")]
    [InlineData("auth-service")]
    [InlineData("account-service")]
    [InlineData("registry")]
    public async Task Every_service_gets_its_configuration(string service)
    {
        await using var server = new ConfigServer().With("config:repository", Repository());

        var answer = await server.GetAsync($"/{service}/default");

        Assert.Equal(200, answer.Status);
        Assert.Equal("application.yml", answer.Sources[^1]);
        Assert.Contains("mesh.issuer", answer.Source(answer.Sources.Length - 1), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_route_of_the_gateway_says_who_may_use_it()
    {
        await using var server = new ConfigServer().With("config:repository", Repository());

        var routes = (await server.GetAsync("/gateway-default.json")).Json["gateway"]!["routes"]!.AsObject();

        Assert.NotEmpty(routes);
        foreach (var (name, route) in routes)
            Assert.True(route!["access"]?.GetValue<string>() == "public" ^ route["scopes"]?.AsArray().Count > 0, name);
    }

    [Fact]
    public void Secrets_stand_in_no_file()
    {
        foreach (var file in Directory.GetFiles(Repository(), "*", SearchOption.AllDirectories))
        {
            foreach (var line in File.ReadLines(file).Where(line => !line.TrimStart().StartsWith('#')))
                Assert.False(Regex.IsMatch(line, @"(?i)\w*(secret|password|apikey)\w*\s*:\s*[^$\s]") && !line.Contains("${", StringComparison.Ordinal), $"{file}: {line}");
        }
    }
}
