using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Registry;

public sealed class PreservationTests
{
    private readonly TestClock _clock = new();

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public async Task A_small_registry_loses_everyone_who_is_silent(int count)
    {
        await using var registry = await FilledAsync(count);

        _clock.Advance(TimeSpan.FromSeconds(31));

        Assert.Empty((await registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task A_loss_below_the_share_is_a_loss()
    {
        await using var registry = await FilledAsync(20);
        _clock.Advance(TimeSpan.FromSeconds(15));
        await RenewAsync(registry, from: 3, count: 20);

        _clock.Advance(TimeSpan.FromSeconds(20));

        Assert.Equal(17, (await registry.GetAsync("eureka/apps")).Ids.Length);
        Assert.Contains("<suspects>0</suspects>", (await registry.GetAsync("eureka/status", null)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_too_many_vanish_at_once_the_rest_is_kept_for_a_limited_time_and_no_longer()
    {
        await using var registry = await FilledAsync(20);

        _clock.Advance(TimeSpan.FromSeconds(31));
        var kept = await registry.GetAsync("eureka/apps");
        Assert.Equal((17, "UP_17_"), (kept.Ids.Length, kept.Hash));
        Assert.Contains("<suspects>17</suspects>", (await registry.GetAsync("eureka/status", null)).Body, StringComparison.Ordinal);

        _clock.Advance(TimeSpan.FromSeconds(118));
        Assert.Equal(17, (await registry.GetAsync("eureka/apps")).Ids.Length);
        _clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Empty((await registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task A_crowd_that_one_principal_lets_die_keeps_nobody_elses_dead()
    {
        await using var registry = await FilledAsync(60);
        foreach (var name in new[] { "gateway", "orders" })
            await registry.RegisterAsync(name, RegistryHost.Instance(name, name, RegistryHost.Lease(30)), name);

        _clock.Advance(TimeSpan.FromSeconds(31));

        var left = (await registry.GetAsync("eureka/apps")).Ids;
        Assert.DoesNotContain("gateway", left);
        Assert.DoesNotContain("orders", left);
        Assert.NotEmpty(left);
    }

    [Fact]
    public async Task A_loss_across_many_principals_is_kept()
    {
        await using var registry = await FilledAsync(0);
        foreach (var name in new[] { "gateway", "auth-service", "account-service", "config", "registry" })
            for (var i = 0; i < 4; i++) await registry.RegisterAsync(name, RegistryHost.Instance(name, $"{name}-{i}", RegistryHost.Lease(30)), name);

        _clock.Advance(TimeSpan.FromSeconds(31));

        Assert.InRange((await registry.GetAsync("eureka/apps")).Ids.Length, 14, 17);
        _clock.Advance(TimeSpan.FromSeconds(121));
        Assert.Empty((await registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task A_suspect_that_renews_is_sound_again()
    {
        await using var registry = await FilledAsync(20);
        _clock.Advance(TimeSpan.FromSeconds(31));
        var kept = (await registry.GetAsync("eureka/apps")).Ids;

        Assert.Equal(200, (await registry.PutAsync("eureka/apps/A/" + kept[0])).Status);
        Assert.Contains("<suspects>16</suspects>", (await registry.GetAsync("eureka/status", null)).Body, StringComparison.Ordinal);

        // Now its lease counts again, and it is one among suspects: kept once more, from its own deadline.
        _clock.Advance(TimeSpan.FromSeconds(122));
        Assert.Equal([kept[0]], (await registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task A_suspect_can_be_removed_and_registered_again()
    {
        await using var registry = await FilledAsync(20);
        _clock.Advance(TimeSpan.FromSeconds(31));
        var kept = (await registry.GetAsync("eureka/apps")).Ids;

        Assert.Equal(200, (await registry.DeleteAsync("eureka/apps/A/" + kept[0])).Status);
        Assert.Equal(204, (await registry.RegisterAsync("A", RegistryHost.Instance("A", kept[1], RegistryHost.Lease(30)))).Status);

        Assert.Contains("<suspects>15</suspects>", (await registry.GetAsync("eureka/status", null)).Body, StringComparison.Ordinal);
        Assert.Equal(16, (await registry.GetAsync("eureka/apps")).Ids.Length);
    }

    [Fact]
    public async Task Losses_that_are_far_apart_are_not_added_up()
    {
        await using var registry = await FilledAsync(20);
        for (var lost = 1; lost <= 10; lost++)
        {
            for (var pass = 0; pass < 4; pass++)
            {
                await RenewAsync(registry, lost, 20);
                _clock.Advance(TimeSpan.FromSeconds(20));
            }
            Assert.Equal(20 - lost, (await registry.GetAsync("eureka/apps")).Ids.Length);
        }
    }

    [Fact]
    public async Task Switched_off_every_lease_ends()
    {
        await using var registry = await FilledAsync(20, ("registry:preservation:enabled", "false"));

        _clock.Advance(TimeSpan.FromSeconds(31));

        Assert.Empty((await registry.GetAsync("eureka/apps")).Ids);
    }

    private async Task<RegistryHost> FilledAsync(int count, params (string, string)[] settings)
    {
        var registry = new RegistryHost(true, _clock, [("registry:preservation:keepFor", "00:02:00"), .. settings]);
        for (var i = 0; i < count; i++) await registry.RegisterAsync("A", RegistryHost.Instance("A", $"i{i:00}", RegistryHost.Lease(30)));
        return registry;
    }

    private static async Task RenewAsync(RegistryHost registry, int from, int count)
    {
        for (var i = from; i < count; i++) Assert.Equal(200, (await registry.PutAsync($"eureka/apps/A/i{i:00}")).Status);
    }
}
