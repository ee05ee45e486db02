using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Registry;

public sealed class LeaseTests : IAsyncDisposable
{
    private readonly TestClock _clock = new();
    private readonly RegistryHost _registry;

    public LeaseTests() => _registry = new RegistryHost(true, _clock, ("registry:maxLease", "00:10:00"));

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(600)]
    public async Task A_lease_ends_one_duration_after_the_registration_not_before_and_at_most_a_second_late(int seconds)
    {
        await RegisterAsync("A", "a", seconds);

        _clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(["a"], (await _registry.GetAsync("eureka/apps")).Ids);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await IsGoneAsync();
    }

    [Fact]
    public async Task A_renewal_prolongs_by_one_duration_and_not_by_two()
    {
        await RegisterAsync("A", "a", 90);
        _clock.Advance(TimeSpan.FromSeconds(89));
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a")).Status);

        _clock.Advance(TimeSpan.FromSeconds(89));
        Assert.Equal(200, (await _registry.GetAsync("eureka/apps/A/a")).Status);
        _clock.Advance(TimeSpan.FromSeconds(2));
        await IsGoneAsync();
    }

    [Theory]
    [InlineData(null, 90)]
    [InlineData(0, 90)]
    [InlineData(-5, 90)]
    [InlineData(100000, 600)]
    public async Task A_wish_for_no_lease_is_the_default_and_for_a_very_long_one_the_longest(int? wish, int seconds)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("leaseInfo", wish is null ? null : new { durationInSecs = wish })));
        Assert.Equal(seconds, (await InstanceAsync()).GetProperty("leaseInfo").GetProperty("durationInSecs").GetInt32());

        _clock.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(["a"], (await _registry.GetAsync("eureka/apps")).Ids);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await IsGoneAsync();
    }

    [Fact]
    public async Task Each_lease_ends_at_its_own_time()
    {
        await RegisterAsync("A", "short", 5);
        await RegisterAsync("A", "long", 60);
        await RegisterAsync("A", "middle", 30);

        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["long", "middle"], (await _registry.GetAsync("eureka/apps")).Ids);
        _clock.Advance(TimeSpan.FromSeconds(25));
        Assert.Equal(["long"], (await _registry.GetAsync("eureka/apps")).Ids);
        _clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Empty((await _registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task The_times_of_a_lease_are_on_the_wire_and_none_lies_in_the_future()
    {
        var start = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        await RegisterAsync("A", "a", 90);
        _clock.Advance(TimeSpan.FromSeconds(30));
        await _registry.PutAsync("eureka/apps/A/a");

        var lease = (await InstanceAsync()).GetProperty("leaseInfo");
        Assert.Equal(start, lease.GetProperty("registrationTimestamp").GetInt64());
        Assert.Equal(start, lease.GetProperty("serviceUpTimestamp").GetInt64());
        Assert.Equal(start + 30_000, lease.GetProperty("lastRenewalTimestamp").GetInt64());
        Assert.Equal(0, lease.GetProperty("evictionTimestamp").GetInt64());

        _clock.Advance(TimeSpan.FromSeconds(10));
        await RegisterAsync("A", "a", 90);
        lease = (await InstanceAsync()).GetProperty("leaseInfo");
        Assert.Equal(start + 40_000, lease.GetProperty("registrationTimestamp").GetInt64());
        Assert.Equal(start, lease.GetProperty("serviceUpTimestamp").GetInt64());
    }

    [Theory]
    [InlineData(100, 101, 404)]
    [InlineData(100, 100, 200)]
    [InlineData(100, 99, 200)]
    public async Task A_renewal_that_knows_a_newer_copy_is_told_to_register_again(long registered, long renewed, int status)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("lastDirtyTimestamp", registered), RegistryHost.Lease(10)));
        _clock.Advance(TimeSpan.FromSeconds(8));

        var answer = await _registry.PutAsync($"eureka/apps/A/a?lastDirtyTimestamp={renewed}");
        Assert.Equal((status, ""), (answer.Status, answer.Body));

        // Renewed nonetheless: who asks is alive.
        _clock.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(200, (await _registry.GetAsync("eureka/apps/A/a")).Status);
    }

    [Fact]
    public async Task An_older_copy_renews_the_lease_and_changes_nothing_else()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("lastDirtyTimestamp", 200), ("metadata", new { copy = "new" }), RegistryHost.Lease(10)));
        _clock.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal(204, (await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("lastDirtyTimestamp", 199), ("metadata", new { copy = "old" })))).Status);

        _clock.Advance(TimeSpan.FromSeconds(8));
        var instance = await InstanceAsync();
        Assert.Equal("new", instance.GetProperty("metadata").GetProperty("copy").GetString());
        Assert.Equal("200", instance.GetProperty("lastDirtyTimestamp").GetString());

        Assert.Equal(204, (await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("lastDirtyTimestamp", 200), ("metadata", new { copy = "third" })))).Status);
        Assert.Equal("third", (await InstanceAsync()).GetProperty("metadata").GetProperty("copy").GetString());
    }

    [Fact]
    public async Task An_evicted_instance_is_deleted_in_the_delta_and_may_come_back()
    {
        await RegisterAsync("A", "a", 10);
        _clock.Advance(TimeSpan.FromSeconds(11));

        var deleted = Assert.Single((await _registry.GetAsync("eureka/apps/delta")).Instances);
        Assert.Equal("DELETED", deleted.GetProperty("actionType").GetString());
        Assert.NotEqual(0, deleted.GetProperty("leaseInfo").GetProperty("evictionTimestamp").GetInt64());
        Assert.Equal(404, (await _registry.PutAsync("eureka/apps/A/a")).Status);
        Assert.Contains(_registry.Logs, line => line.Contains("A/a was not renewed within 10 s", StringComparison.Ordinal));

        await RegisterAsync("A", "a", 10);
        Assert.Equal(["a"], (await _registry.GetAsync("eureka/apps")).Ids);
    }

    private async Task RegisterAsync(string app, string id, int seconds) =>
        Assert.Equal(204, (await _registry.RegisterAsync(app, RegistryHost.Instance(app, id, RegistryHost.Lease(seconds)))).Status);

    private async Task<System.Text.Json.JsonElement> InstanceAsync() => (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance");

    private async Task IsGoneAsync()
    {
        var all = await _registry.GetAsync("eureka/apps");
        Assert.Equal("""{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}""", all.Body);
        Assert.Equal(404, (await _registry.GetAsync("eureka/apps/A")).Status);
        Assert.Equal(404, (await _registry.GetAsync("eureka/apps/A/a")).Status);
    }
}
