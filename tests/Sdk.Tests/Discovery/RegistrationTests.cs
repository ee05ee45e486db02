using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace SecureMesh.Sdk.Tests.Discovery;

public sealed class RegistrationTests : IAsyncLifetime
{
    private StubEureka _eureka = null!;

    public async ValueTask InitializeAsync() => _eureka = await StubEureka.StartAsync();

    public ValueTask DisposeAsync() => _eureka.DisposeAsync();

    private static Dictionary<string, string> Settings(string url, params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string>
        {
            ["mesh:registry:enabled"] = "true",
            ["mesh:registry:url"] = url,
            ["mesh:registry:renewalInterval"] = "200ms",
            ["mesh:registry:leaseDuration"] = "2s",
            ["mesh:registry:fetchInterval"] = "200ms",
            ["mesh:secret"] = "s3cret",
            ["mesh:health:details"] = "true",
        };
        foreach (var (key, value) in more) settings[key] = value;
        return settings;
    }

    private Task<Service> StartAsync(params (string Key, string Value)[] more) =>
        Service.StartAsync(app => app.MapGet("/hello", () => "hello").AllowAnonymous(), Settings(_eureka.Url, more));

    [Fact]
    public async Task A_service_registers_with_the_port_it_really_listens_at_and_its_own_credential()
    {
        await using var service = await StartAsync(("mesh:registry:metadata:zone", "zone1"));

        var seen = await _eureka.WriteAsync("POST");

        Assert.Equal(("/eureka/apps/SAMPLE", "Basic c2FtcGxlOnMzY3JldA=="), (seen.Path, seen.Authorization));
        var instance = JsonNode.Parse(seen.Body)!["instance"]!.AsObject();
        var timestamp = instance["lastDirtyTimestamp"]!.GetValue<string>();
        Assert.Matches("^[0-9]{13}$", timestamp);
        var port = service.Url.Port;
        Assert.Equal($$"""
            {"instanceId":"127.0.0.1:sample:{{port}}","hostName":"127.0.0.1","app":"SAMPLE","ipAddr":"127.0.0.1","status":"UP","overriddenStatus":"UNKNOWN","port":{"$":{{port}},"@enabled":"true"},"securePort":{"$":443,"@enabled":"false"},"countryId":1,"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},"leaseInfo":{"renewalIntervalInSecs":1,"durationInSecs":2},"metadata":{"management.port":"{{port}}","zone":"zone1"},"homePageUrl":"http://127.0.0.1:{{port}}/","statusPageUrl":"http://127.0.0.1:{{port}}/actuator/health","healthCheckUrl":"http://127.0.0.1:{{port}}/actuator/health","vipAddress":"sample","secureVipAddress":"sample","isCoordinatingDiscoveryServer":"false","lastUpdatedTimestamp":"{{timestamp}}","lastDirtyTimestamp":"{{timestamp}}"}
            """, instance.ToJsonString().Replace("\\u0022", "\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_lease_is_renewed_with_status_and_timestamp()
    {
        await using var service = await StartAsync();
        var registration = JsonNode.Parse((await _eureka.WriteAsync("POST")).Body)!["instance"]!;

        var renewal = await _eureka.WriteAsync("PUT");

        Assert.Equal($"/eureka/apps/SAMPLE/127.0.0.1:sample:{service.Url.Port}?status=UP&lastDirtyTimestamp={registration["lastDirtyTimestamp"]}", renewal.Path);
        Assert.Equal(("", "Basic c2FtcGxlOnMzY3JldA=="), (renewal.Body, renewal.Authorization));
    }

    [Fact]
    public async Task A_404_on_renewal_registers_again_at_once_with_a_newer_timestamp()
    {
        await using var service = await StartAsync(("mesh:registry:fetchInterval", "1h"));
        var first = JsonNode.Parse((await _eureka.WriteAsync("POST")).Body)!["instance"]!["lastDirtyTimestamp"]!.GetValue<string>();

        _eureka.Forget();
        var second = JsonNode.Parse((await _eureka.WriteAsync("POST")).Body)!["instance"]!["lastDirtyTimestamp"]!.GetValue<string>();

        Assert.True(string.CompareOrdinal(second, first) > 0, $"{second} is not newer than {first}");
        Assert.Contains(service.Logs, line => line.Contains("does not know 127.0.0.1:sample", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_first_of_two_servers_is_dead_and_the_second_serves()
    {
        var dead = await StubEureka.StartAsync();
        var url = dead.Url;
        await dead.StopAsync();

        await using var service = await Service.StartAsync(_ => { }, Settings(url + "," + _eureka.Url));

        await _eureka.WriteAsync("POST");
        await _eureka.WriteAsync("PUT");
        await service.Services.GetRequiredService<IServiceRegistry>().HoldsAsync(registry => registry.Up("sample").Any());
    }

    [Fact]
    public async Task User_info_of_a_url_is_the_credential_for_it_and_is_never_shown()
    {
        var url = _eureka.Url.Replace("http://", "http://eureka:t0p%2Fs3cret@", StringComparison.Ordinal);
        await using var service = await Service.StartAsync(_ => { }, Settings(url));

        var seen = await _eureka.WriteAsync("POST");
        await service.Services.GetRequiredService<IServiceRegistry>().HoldsAsync(registry => registry.Up("sample").Any());

        Assert.Equal("Basic ZXVyZWthOnQwcC9zM2NyZXQ=", seen.Authorization);
        Assert.DoesNotContain("s3cret", (await service.GetAsync("/actuator/health")).Body);
        Assert.DoesNotContain(service.Logs, line => line.Contains("s3cret", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(401, "it refused this service's secret (401)")]
    [InlineData(403, "it does not let this service register under this name (403)")]
    [InlineData(400, "it answered 400 to the registration")]
    [InlineData(503, "it answered 503")]
    public async Task A_refused_registration_is_said_plainly_and_tried_again(int status, string reason)
    {
        _eureka.Status = status;
        await using var service = await StartAsync();
        await _eureka.WriteAsync("POST");
        await _eureka.WriteAsync("POST");
        await service.Logs.HasLineAsync($"Not registered at {_eureka.Url}: {reason}");
        var health = await service.GetAsync("/actuator/health");

        _eureka.Status = null;
        await service.Services.GetRequiredService<IServiceRegistry>().HoldsAsync(registry => registry.Up("sample").Any());

        Assert.Equal("UNKNOWN", health.Json.GetProperty("components").GetProperty("registry").GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_redirect_is_not_followed_with_the_credential()
    {
        await using var thief = await StubEureka.StartAsync();
        (_eureka.Status, _eureka.Location) = (302, thief.Url + "apps/SAMPLE");
        await using var service = await StartAsync();

        await _eureka.WriteAsync("POST");
        await _eureka.WriteAsync("POST");

        Assert.False(thief.Writes.Reader.TryRead(out _));
        Assert.False(thief.Fetches.Reader.TryRead(out _));
    }

    [Fact]
    public async Task A_stop_takes_the_instance_out_first_and_serves_until_the_drain_is_over()
    {
        await using var service = await StartAsync(("mesh:registry:drain", "500ms"));
        var port = service.Url.Port;
        await _eureka.WriteAsync("POST");
        await service.Services.GetRequiredService<IServiceRegistry>().HoldsAsync(registry => registry.Up("sample").Any());
        using var client = new HttpClient { BaseAddress = service.Url };

        var stop = service.Services.GetRequiredService<IHost>().StopAsync(TestContext.Current.CancellationToken);
        var removal = await _eureka.WriteAsync("DELETE");
        var answer = await client.GetStringAsync(new Uri("/hello", UriKind.Relative), TestContext.Current.CancellationToken);
        var stillServing = !stop.IsCompleted;
        await stop;

        Assert.Equal($"/eureka/apps/SAMPLE/127.0.0.1:sample:{port}", removal.Path);
        Assert.Equal(("hello", true), (answer, stillServing));
        Assert.False(_eureka.Writes.Reader.TryRead(out var later), $"{later} after the removal");
    }

    [Fact]
    public async Task A_hanging_registry_does_not_hold_up_the_stop()
    {
        await using var service = await StartAsync(("mesh:registry:drain", "500ms"));
        await _eureka.WriteAsync("POST");
        await _eureka.WriteAsync("PUT");

        _eureka.Hangs = true;
        var stop = service.Services.GetRequiredService<IHost>().StopAsync(TestContext.Current.CancellationToken);

        await stop.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken); // the registry hangs for ever
    }

    [Fact]
    public async Task A_service_that_only_looks_up_does_not_register()
    {
        _eureka.Put(StubEureka.Instance("other", "other:1", 8080));

        await using var service = await StartAsync(("mesh:registry:register", "false"));
        await service.Services.GetRequiredService<IServiceRegistry>().HoldsAsync(registry => registry.Up("other").Any());
        await _eureka.FetchAsync("/eureka/apps/delta");

        Assert.False(_eureka.Writes.Reader.TryRead(out _));
    }

    [Theory]
    [InlineData("mesh:registry:url", "ftp://x/")]
    [InlineData("mesh:registry:url", "")]
    [InlineData("mesh:registry:leaseDuration", "100ms")]
    [InlineData("mesh:registry:renewalInterval", "0")]
    [InlineData("mesh:registry:fetchInterval", "-1s")]
    [InlineData("mesh:registry:hostName", "not/a host")]
    public async Task A_setting_that_cannot_work_stops_the_start_and_is_named(string key, string value)
    {
        var failure = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(() => StartAsync((key, value)));

        Assert.Contains(key, failure.Message);
    }
}
