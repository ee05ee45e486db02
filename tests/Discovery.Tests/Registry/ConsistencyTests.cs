using System.Text;
using System.Text.Json;
using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Registry;

public sealed class ConsistencyTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(333)]
    public async Task List_delta_and_hash_agree_in_every_answer_while_many_write(int seed)
    {
        await using var registry = new RegistryHost();
        var writers = Enumerable.Range(0, 6).Select(writer => Task.Run(() => WriteAsync(registry, new Random(seed * 100 + writer), writer))).ToArray();
        var writing = Task.WhenAll(writers);
        var known = new Dictionary<string, string>();
        var (full, deltas) = (0, 0);

        while (!writing.IsCompleted)
        {
            var all = await registry.GetAsync("eureka/apps");
            Assert.Equal(HashOf(all.Instances.Select(Status)), all.Hash);
            full++;
            known = all.Instances.ToDictionary(Key, Status);
            for (var i = 0; i < 5; i++)
            {
                var delta = await registry.GetAsync("eureka/apps/delta");
                // What Netflix's client does: apply in order, then compare.
                foreach (var instance in delta.Instances)
                {
                    if (instance.GetProperty("actionType").GetString() == "DELETED") known.Remove(Key(instance));
                    else known[Key(instance)] = Status(instance);
                }
                Assert.Equal(HashOf(known.Values), delta.Hash);
                deltas++;
            }
        }
        await writing;

        Assert.True(full > 0 && deltas > 0);
        var end = await registry.GetAsync("eureka/apps");
        var last = await registry.GetAsync("eureka/apps/delta");
        Assert.Equal(HashOf(end.Instances.Select(Status)), end.Hash);
        Assert.Equal(end.Hash, last.Hash);
    }

    [Fact]
    public async Task A_change_leaves_the_delta_after_the_window_and_the_hash_stays_that_of_all()
    {
        var clock = new TestClock();
        await using var registry = new RegistryHost(true, clock);
        await registry.RegisterAsync("A", RegistryHost.Instance("A", "old", RegistryHost.Lease(1000)));
        clock.Advance(TimeSpan.FromSeconds(179));
        await registry.RegisterAsync("B", RegistryHost.Instance("B", "new", RegistryHost.Lease(1000)));
        Assert.Equal(["new", "old"], (await registry.GetAsync("eureka/apps/delta")).Ids);

        clock.Advance(TimeSpan.FromSeconds(2));
        await registry.RegisterAsync("C", RegistryHost.Instance("C", "newer", RegistryHost.Lease(1000)));

        var delta = await registry.GetAsync("eureka/apps/delta");
        Assert.Equal(["new", "newer"], delta.Ids);
        Assert.Equal("UP_3_", delta.Hash);
    }

    [Fact]
    public async Task An_instance_stands_in_the_delta_once_with_its_newest_state_and_the_version_grows()
    {
        await using var registry = new RegistryHost();
        var versions = new List<long>();
        foreach (var status in new[] { "STARTING", "UP", "DOWN" })
        {
            await registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("status", status)));
            var delta = await registry.GetAsync("eureka/apps/delta");
            Assert.Equal(status, Status(Assert.Single(delta.Instances)));
            Assert.Equal("1", (await registry.GetAsync("eureka/apps")).Version);
            versions.Add(long.Parse(delta.Version, System.Globalization.CultureInfo.InvariantCulture));
        }
        Assert.Equal(versions.Order().Distinct(), versions);
    }

    [Fact]
    public async Task A_renewal_makes_no_new_version()
    {
        await using var registry = new RegistryHost();
        await registry.RegisterAsync("A", RegistryHost.Instance("A", "a"));
        var before = (await registry.GetAsync("eureka/apps")).Header("ETag");

        await registry.PutAsync("eureka/apps/A/a");

        Assert.Equal(before, (await registry.GetAsync("eureka/apps")).Header("ETag"));
    }

    [Fact]
    public async Task The_hash_counts_by_status_in_ordinal_order()
    {
        await using var registry = new RegistryHost();
        foreach (var (id, status) in new[] { ("1", "UP"), ("2", "DOWN"), ("3", "OUT_OF_SERVICE"), ("4", "UP"), ("5", "STARTING") })
            await registry.RegisterAsync("A", RegistryHost.Instance("A", id, ("status", status)));

        Assert.Equal("DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UP_2_", (await registry.GetAsync("eureka/apps")).Hash);
    }

    private static async Task WriteAsync(RegistryHost registry, Random random, int writer)
    {
        string[] statuses = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE"];
        for (var i = 0; i < 120; i++)
        {
            var (app, id) = ($"APP{random.Next(3)}", $"{writer}-{random.Next(8)}");
            var answer = random.Next(5) switch
            {
                0 => await registry.DeleteAsync($"eureka/apps/{app}/{id}"),
                1 => await registry.PutAsync($"eureka/apps/{app}/{id}/status?value={statuses[random.Next(4)]}"),
                2 => await registry.PutAsync($"eureka/apps/{app}/{id}"),
                _ => await registry.RegisterAsync(app, RegistryHost.Instance(app, id, ("status", statuses[random.Next(4)]))),
            };
            Assert.True(answer.Status is 200 or 204 or 404, $"{answer.Status}");
        }
    }

    private static string Key(JsonElement instance) => instance.GetProperty("app").GetString() + "/" + instance.GetProperty("instanceId").GetString();

    private static string Status(JsonElement instance) => instance.GetProperty("status").GetString()!;

    /// <summary>The clients' way of counting, written from the contract and not from the server.</summary>
    private static string HashOf(IEnumerable<string> statuses)
    {
        var hash = new StringBuilder();
        foreach (var group in statuses.GroupBy(status => status).OrderBy(group => group.Key, StringComparer.Ordinal)) hash.Append(group.Key).Append('_').Append(group.Count()).Append('_');
        return hash.ToString();
    }
}
