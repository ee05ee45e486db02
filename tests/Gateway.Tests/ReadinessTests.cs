using System.Net;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class ReadinessTests
{
    private static Task<string> TextAsync(HttpResponseMessage answer) => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    [Fact]
    public async Task Ready_means_an_instance_of_each_of_the_meshs_services_and_the_issuers_keys_whatever_other_routes_there_are()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:bench:path", "/bench/{**rest}"), ("gateway:routes:bench:service", "bench-service"), ("gateway:routes:bench:scopes:0", "server"));
        door.Issuer.FailWith = 503;
        using var nothing = await door.GetAsync("/healthz");
        await AccessTests.AssertProblem(nothing, 503, "not_ready");
        Assert.DoesNotContain("account", await TextAsync(nothing), StringComparison.Ordinal);

        await door.AddAsync("account-service");
        using var half = await door.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, half.StatusCode);

        var auth = await door.AddAsync("auth-service");
        door.Issuer.FailWith = null;
        await Eventually.AnswersAsync(async () => (await door.GetAsync("/healthz")).StatusCode == HttpStatusCode.OK, "ready");
        using var ready = await door.GetAsync("/healthz");
        Assert.Equal("ok", await TextAsync(ready));

        door.Registry.Remove(auth);
        using var gone = await door.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, gone.StatusCode);
    }

    [Fact]
    public async Task Without_keys_it_is_not_ready()
    {
        await using var door = await Door.OpenAsync(("mesh:auth:url", "http://127.0.0.1:9"));
        await door.AddAsync("account-service");
        await door.AddAsync("auth-service");

        using var answer = await door.GetAsync("/healthz");

        await AccessTests.AssertProblem(answer, 503, "not_ready");
    }

    [Fact]
    public async Task Health_shows_its_components_to_administrators_alone()
    {
        await using var door = await Door.OpenAsync();

        using var anybody = await door.GetAsync("/actuator/health");
        Assert.DoesNotContain("components", await TextAsync(anybody), StringComparison.Ordinal);
        using var user = await door.GetAsync("/actuator/health", door.Issuer.UserToken("alice", "ui"));
        Assert.DoesNotContain("components", await TextAsync(user), StringComparison.Ordinal);
        using var admin = await door.GetAsync("/actuator/health", door.Issuer.ClientToken("admin", "uaa.admin"));
        Assert.Contains("\"routes\":{\"status\":\"UP\"", await TextAsync(admin), StringComparison.Ordinal);
    }
}
