namespace SecureMesh.Discovery.Tests.Registry;

public sealed class StatusTests : IAsyncDisposable
{
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Fact]
    public async Task An_operators_status_survives_renewal_and_registration()
    {
        await RegisterAsync("UP");
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE")).Status);
        Assert.Equal(("OUT_OF_SERVICE", "OUT_OF_SERVICE"), await StatusAsync());
        Assert.Equal("OUT_OF_SERVICE_1_", (await _registry.GetAsync("eureka/apps")).Hash);

        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a?status=UP")).Status);
        await RegisterAsync("UP");

        Assert.Equal(("OUT_OF_SERVICE", "OUT_OF_SERVICE"), await StatusAsync());
    }

    [Fact]
    public async Task Removing_it_leaves_unknown_and_the_next_renewal_asks_for_the_real_status()
    {
        await RegisterAsync("UP");
        await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE");

        Assert.Equal(200, (await _registry.DeleteAsync("eureka/apps/A/a/status")).Status);
        Assert.Equal(("UNKNOWN", "UNKNOWN"), await StatusAsync());
        Assert.Equal(404, (await _registry.PutAsync("eureka/apps/A/a")).Status);
        await RegisterAsync("UP");

        Assert.Equal(("UP", "UNKNOWN"), await StatusAsync());
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a")).Status);
    }

    [Fact]
    public async Task Removing_it_may_name_the_status_to_fall_back_to()
    {
        await RegisterAsync("UP");
        await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE");

        Assert.Equal(200, (await _registry.DeleteAsync("eureka/apps/A/a/status?value=UP")).Status);

        Assert.Equal(("UP", "UNKNOWN"), await StatusAsync());
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a")).Status);
    }

    [Theory]
    [InlineData("DOWN")]
    [InlineData("STARTING")]
    [InlineData("UNKNOWN")]
    public async Task A_status_that_takes_no_traffic_is_never_overridden(string status)
    {
        await RegisterAsync("UP");
        await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE");

        await RegisterAsync(status);

        Assert.Equal((status, "OUT_OF_SERVICE"), await StatusAsync());
    }

    [Fact]
    public async Task A_client_cannot_move_itself_between_up_and_out_of_service()
    {
        await RegisterAsync("UP");
        await RegisterAsync("OUT_OF_SERVICE");

        Assert.Equal(("UP", "UNKNOWN"), await StatusAsync());
    }

    [Fact]
    public async Task A_client_moves_itself_down_and_up_again()
    {
        await RegisterAsync("STARTING");
        await RegisterAsync("UP");
        Assert.Equal(("UP", "UNKNOWN"), await StatusAsync());
        await RegisterAsync("DOWN");
        Assert.Equal(("DOWN", "UNKNOWN"), await StatusAsync());
    }

    [Theory]
    [InlineData("overriddenStatus")]
    [InlineData("overriddenstatus")]
    public async Task A_registration_may_bring_an_override_of_its_own(string spelling)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", (spelling, "OUT_OF_SERVICE")));
        Assert.Equal(("OUT_OF_SERVICE", "OUT_OF_SERVICE"), await StatusAsync());
    }

    [Fact]
    public async Task Removing_the_instance_forgets_the_override()
    {
        await RegisterAsync("UP");
        await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE");
        await _registry.DeleteAsync("eureka/apps/A/a");
        await RegisterAsync("UP");

        Assert.Equal(("UP", "UNKNOWN"), await StatusAsync());
    }

    [Fact]
    public async Task Only_a_larger_dirty_timestamp_of_the_caller_is_taken()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("lastDirtyTimestamp", 100)));

        await _registry.PutAsync("eureka/apps/A/a/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=50");
        Assert.Equal("100", await DirtyAsync());
        await _registry.DeleteAsync("eureka/apps/A/a/status?lastDirtyTimestamp=200");
        Assert.Equal("200", await DirtyAsync());
    }

    [Fact]
    public async Task A_change_of_status_is_modified_in_the_delta()
    {
        await RegisterAsync("UP");
        Assert.Equal("ADDED", await ActionAsync());
        await _registry.PutAsync("eureka/apps/A/a/status?value=DOWN");
        Assert.Equal("MODIFIED", await ActionAsync());
        await _registry.PutAsync("eureka/apps/A/a/metadata?x=y");
        Assert.Equal("ADDED", await ActionAsync());
        await _registry.DeleteAsync("eureka/apps/A/a");
        Assert.Equal("DELETED", await ActionAsync());
    }

    private async Task RegisterAsync(string status) =>
        Assert.Equal(204, (await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("status", status)))).Status);

    private async Task<(string?, string?)> StatusAsync()
    {
        var instance = (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance");
        return (instance.GetProperty("status").GetString(), instance.GetProperty("overriddenStatus").GetString());
    }

    private async Task<string?> DirtyAsync() =>
        (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance").GetProperty("lastDirtyTimestamp").GetString();

    private async Task<string?> ActionAsync() =>
        Assert.Single((await _registry.GetAsync("eureka/apps/delta")).Instances).GetProperty("actionType").GetString();
}
