using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Discovery;

public sealed class ServiceRegistryTests : IAsyncLifetime
{
    private StubEureka _eureka = null!;

    public async ValueTask InitializeAsync() => _eureka = await StubEureka.StartAsync();

    public ValueTask DisposeAsync() => _eureka.DisposeAsync();

    private async Task<(Service Service, IServiceRegistry Registry)> StartAsync(params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string>
        {
            ["mesh:registry:enabled"] = "true",
            ["mesh:registry:register"] = "false",
            ["mesh:registry:url"] = _eureka.Url,
            ["mesh:registry:renewalInterval"] = "200ms",
            ["mesh:registry:leaseDuration"] = "800ms",
            ["mesh:registry:fetchInterval"] = "200ms",
            ["mesh:secret"] = "s3cret",
            ["mesh:health:details"] = "true",
        };
        foreach (var (key, value) in more) settings[key] = value;
        var service = await Service.StartAsync(_ => { }, settings);
        return (service, service.Services.GetRequiredService<IServiceRegistry>());
    }

    [Fact]
    public void A_clock_that_is_set_back_keeps_no_instance_that_is_gone_for_longer()
    {
        var clock = new TestClock();
        using var registry = new ServiceRegistry(new ConfigurationBuilder().Build(), clock, NullLogger<ServiceRegistry>.Instance);
        var instance = JsonSerializer.SerializeToElement(StubEureka.Instance("orders", "o:1", 8080));
        registry.Replace([new EurekaInstance("ORDERS", "o:1", "UP", "ADDED", instance)], null);
        registry.Replace([], TimeSpan.FromSeconds(90));
        Assert.Single(registry.Current.Instances);

        clock.SetBack(TimeSpan.FromHours(1));
        registry.Confirm();
        clock.Advance(TimeSpan.FromSeconds(90));

        Assert.Empty(registry.Current.Instances);
    }

    private static string[] Ids(RegistrySnapshot registry) => [.. registry.Instances.Select(instance => instance.Id)];

    [Fact]
    public async Task A_stock_server_is_asked_in_full_once_and_for_deltas_then()
    {
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;

        await registry.HoldsAsync(r => r.Up("orders").Any());
        var full = await _eureka.FetchAsync("/eureka/apps");
        await _eureka.FetchAsync("/eureka/apps/delta");
        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        await registry.HoldsAsync(r => r.Up("ORDERS").Count() == 2);
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080, "OUT_OF_SERVICE"));
        await registry.HoldsAsync(r => r.Up("orders").All(instance => instance.Id == "o:2") && r.Instances.Count == 2);
        _eureka.Remove("orders", "o:2");
        await registry.HoldsAsync(r => Ids(r) is ["o:1"]);

        Assert.Equal(("Basic c2FtcGxlOnMzY3JldA==", "gzip"), (full.Authorization, full.AcceptEncoding));
        while (_eureka.Fetches.Reader.TryRead(out var seen)) Assert.Equal("/eureka/apps/delta", seen.Path);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_delta_that_is_refused_or_missed_leads_to_a_full_fetch(bool refused, bool missed)
    {
        (_eureka.NoDelta, _eureka.EmptyDelta) = (refused, missed);
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        await registry.HoldsAsync(r => Ids(r) is ["o:1"]);

        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));

        await registry.HoldsAsync(r => Ids(r) is ["o:1", "o:2"]);
    }

    [Fact]
    public async Task A_server_that_holds_requests_is_not_polled_and_pushes_changes()
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        await registry.HoldsAsync(r => Ids(r) is ["o:1"]);
        await _eureka.Fetches.Reader.ReadAsync(TestContext.Current.CancellationToken);
        var held = await _eureka.Fetches.Reader.ReadAsync(TestContext.Current.CancellationToken);

        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        await registry.HoldsAsync(r => Ids(r) is ["o:1", "o:2"]);
        _eureka.Remove("orders", "o:1");
        await registry.HoldsAsync(r => Ids(r) is ["o:2"]);

        Assert.Equal(("/eureka/apps", "\"e1-1\"", "wait=30"), (held.Path, held.IfNoneMatch, held.Prefer));
        var next = await _eureka.Fetches.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("\"e1-2\"", next.IfNoneMatch);
    }

    [Fact]
    public async Task A_server_that_was_started_again_does_not_empty_the_registry_and_gets_this_instance_back_at_once()
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        var (service, registry) = await StartAsync(("mesh:registry:register", "true"), ("mesh:registry:renewalInterval", "1h"), ("mesh:registry:leaseDuration", "2h"));
        await using var _ = service;
        await _eureka.WriteAsync("POST");
        var before = await registry.HoldsAsync(r => r.Instances.Count == 3);
        var emptied = false;
        using var watch = Microsoft.Extensions.Primitives.ChangeToken.OnChange(registry.Watch, () => emptied |= registry.Current.Instances.Count < 3);

        _eureka.Forget("e2");
        await _eureka.WriteAsync("POST");
        await service.Logs.HasLineAsync("forgot 3 instances");

        Assert.Equal(Ids(before), Ids(registry.Current));
        Assert.False(emptied);
    }

    [Fact]
    public async Task An_instance_that_does_not_come_back_after_a_restart_of_the_server_is_dropped_when_its_lease_would_be_over()
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        await registry.HoldsAsync(r => r.Instances.Count == 2);

        _eureka.Forget("e2");
        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        await service.Logs.HasLineAsync("forgot");
        var kept = registry.Current;
        var later = await registry.HoldsAsync(r => r.Instances.Count == 1);

        Assert.Equal(["o:1", "o:2"], Ids(kept));
        Assert.Equal(["o:2"], Ids(later));
    }

    [Fact]
    public async Task An_instance_removed_in_the_same_epoch_is_gone_at_once_even_if_it_was_the_last()
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync(("mesh:registry:leaseDuration", "1h"));
        await using var _ = service;
        await registry.HoldsAsync(r => r.Instances.Count == 1);

        _eureka.Remove("orders", "o:1");

        await registry.HoldsAsync(r => r.Instances.Count == 0);
    }

    [Fact]
    public async Task A_stock_server_that_was_started_again_does_not_empty_the_registry()
    {
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync(("mesh:registry:leaseDuration", "1h"));
        await using var _ = service;
        await registry.HoldsAsync(r => r.Instances.Count == 1);

        _eureka.Forget();
        await service.Logs.HasLineAsync("forgot 1 instances");

        Assert.Equal(["o:1"], Ids(registry.Current));
    }

    [Fact]
    public async Task The_last_good_registry_stays_while_the_server_is_away_and_health_says_so()
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        await registry.HoldsAsync(r => r.Instances.Count == 1);

        await _eureka.StopAsync();
        await service.Logs.HasLineAsync("the instances known stay");
        var down = (await service.GetAsync("/actuator/health")).Json.GetProperty("components").GetProperty("registry");
        await _eureka.RestartAsync();
        await service.Logs.HasLineAsync("answers again");
        _eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        await registry.HoldsAsync(r => r.Instances.Count == 2);

        Assert.Equal("UNKNOWN", down.GetProperty("status").GetString());
        Assert.Matches("cannot be reached|the connection broke", down.GetProperty("details").GetProperty("error").GetString());
        Assert.Equal(1, down.GetProperty("details").GetProperty("instances").GetInt32());
        Assert.True(down.GetProperty("details").TryGetProperty("ageSeconds", out var _));
        Assert.Equal("UP", (await service.GetAsync("/actuator/health")).Json.GetProperty("components").GetProperty("registry").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"applications":""")]
    [InlineData("""{"application":{}}""")]
    [InlineData("<applications/>")]
    public async Task An_answer_that_is_no_registry_leaves_the_instances_known(string text)
    {
        _eureka.Epoch = "e1";
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        await registry.HoldsAsync(r => r.Instances.Count == 1);

        _eureka.Text = text;
        _eureka.Remove("orders", "o:1");
        await service.Logs.HasLineAsync("its answer is no registry");

        Assert.Equal(["o:1"], Ids(registry.Current));
    }

    [Fact]
    public async Task A_fetch_that_changes_nothing_tells_nobody()
    {
        _eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        var (service, registry) = await StartAsync();
        await using var _ = service;
        var first = await registry.HoldsAsync(r => r.Instances.Count == 1);
        var told = registry.Watch();
        while (_eureka.Fetches.Reader.TryRead(out var _)) { }

        await _eureka.FetchAsync("/eureka/apps/delta");
        await _eureka.FetchAsync("/eureka/apps/delta");
        await _eureka.FetchAsync("/eureka/apps/delta");

        Assert.False(told.HasChanged);
        Assert.Same(first.Instances, registry.Current.Instances);
        Assert.True(registry.Current.FetchedAt > first.FetchedAt);
    }

    [Fact]
    public async Task Odd_shapes_of_real_servers_are_read_and_one_bad_instance_does_not_lose_the_others()
    {
        _eureka.Text = """
            {"applications":{"versions__delta":1,"apps__hashcode":"UP_9_","application":[
              {"name":"ONE","instance":{"instanceId":"one:1","hostName":"h1","app":"ONE","ipAddr":"10.0.0.1","status":"UP","port":{"$":"8080","@enabled":true},"securePort":null,"metadata":{"@class":"java.util.Collections$EmptyMap"},"vipAddress":"one,uno"}},
              {"name":"TWO","instance":[
                {"hostName":"h2","app":"two","status":"FROZEN","port":8081,"metadata":null,"vipAddress":null,"strange":{"deep":[1]}},
                {"instanceId":"two:secure","hostName":"h3","app":"TWO","status":"UP","port":{"$":80,"@enabled":"false"},"securePort":{"$":8443,"@enabled":"true"},"secureVipAddress":"two-secure","metadata":{"weight":5,"on":true,"zone":"z"}},
                {"instanceId":"two:v6","hostName":"::1","app":"TWO","status":"DOWN","port":{"$":82,"@enabled":"true"}},
                {"instanceId":"two:noport","hostName":"h4","app":"TWO","status":"UP","port":{"$":0,"@enabled":"true"}},
                {"instanceId":"two:big","hostName":"h4","app":"TWO","status":"UP","port":{"$":70000,"@enabled":"true"}},
                {"instanceId":"two:evil","hostName":"user:pw@evil/path?x#","app":"TWO","status":"UP","port":{"$":80,"@enabled":"true"}},
                {"instanceId":"two:off","hostName":"h5","app":"TWO","status":"UP","port":{"$":80,"@enabled":"false"}},
                {"app":"TWO","status":"UP"},
                "text", null, 7]},
              {"name":"NONE"}, null, "x"]}}
            """;
        var (service, registry) = await StartAsync();
        await using var _ = service;

        var all = (await registry.HoldsAsync(r => r.Instances.Count > 0)).Instances.ToDictionary(instance => instance.Id);

        Assert.Equal(["h2", "one:1", "two:secure", "two:v6"], all.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("http://h1:8080/", all["one:1"].Address.AbsoluteUri);
        Assert.Equal(["one", "uno"], all["one:1"].Names);
        Assert.Empty(all["one:1"].Metadata);
        Assert.Equal(("TWO", "UNKNOWN", "http://h2:8081/"), (all["h2"].Application, all["h2"].Status, all["h2"].Address.AbsoluteUri));
        Assert.Equal("https://h3:8443/", all["two:secure"].Address.AbsoluteUri);
        Assert.Equal(["two-secure", "TWO"], all["two:secure"].Names);
        Assert.Equal(new Dictionary<string, string> { ["weight"] = "5", ["on"] = "true", ["zone"] = "z" }, all["two:secure"].Metadata);
        Assert.Equal("http://[::1]:82/", all["two:v6"].Address.AbsoluteUri);
        Assert.Equal(["two:secure"], registry.Current.Up("TWO-SECURE").Select(instance => instance.Id));
        Assert.Contains(service.Logs, line => line.Contains("Instance two:evil of TWO is left out", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_single_application_object_is_read_like_a_list()
    {
        _eureka.Text = new JsonObject
        {
            ["applications"] = new JsonObject { ["application"] = new JsonObject { ["name"] = "ORDERS", ["instance"] = StubEureka.Instance("orders", "o:1", 8080) } },
        }.ToJsonString();

        var (service, registry) = await StartAsync();
        await using var _ = service;

        await registry.HoldsAsync(r => Ids(r) is ["o:1"]);
    }

    [Fact]
    public async Task Without_a_registry_the_list_of_the_configuration_is_there_and_follows_it()
    {
        await using var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:registry:static:auth-service"] = "http://127.0.0.1:9001, https://auth.example:9002/path",
            ["mesh:registry:static:broken"] = "ftp://x, nonsense",
        });
        var registry = service.Services.GetRequiredService<IServiceRegistry>();

        Assert.Equal(["http://127.0.0.1:9001/", "https://auth.example:9002/"], registry.Current.Up("auth-service").Select(instance => instance.Address.AbsoluteUri));
        Assert.Empty(registry.Current.Up("broken"));
        Assert.Empty(registry.Current.Up("nobody"));

        var configuration = (IConfigurationRoot)service.Services.GetRequiredService<IConfiguration>();
        configuration["mesh:registry:static:auth-service"] = "http://127.0.0.1:9003";
        configuration.Reload();

        await registry.HoldsAsync(r => r.Up("auth-service").All(instance => instance.Address.Port == 9003));
    }
}
