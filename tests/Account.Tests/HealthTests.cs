using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class HealthTests
{
    [Fact]
    public async Task It_names_the_database_and_auth()
    {
        await using var mesh = await AccountMesh.StartAsync();

        var health = (await mesh.GetAsync("/actuator/health")).Expect(200).Json;

        Assert.Equal("UP", health.GetProperty("status").GetString());
        Assert.Equal("UP", health.GetProperty("components").GetProperty("db").GetProperty("status").GetString());
        Assert.Equal("UP", health.GetProperty("components").GetProperty("auth-service").GetProperty("status").GetString());
    }

    [Fact]
    public async Task Without_auth_it_is_still_up_because_only_registration_needs_it()
    {
        await using var mesh = await AccountMesh.StartAsync(settings: ("mesh:registry:static:auth-service", ""));

        var health = (await mesh.GetAsync("/actuator/health")).Expect(200).Json;

        Assert.Equal("UP", health.GetProperty("status").GetString());
        Assert.Equal("UNKNOWN", health.GetProperty("components").GetProperty("auth-service").GetProperty("status").GetString());
    }
}
