namespace SecureMesh.Discovery.Tests.Apps;

public sealed class OperationsTests : IAsyncDisposable
{
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    public static TheoryData<string, string, string> Forms()
    {
        var forms = new TheoryData<string, string, string>();
        foreach (var prefix in new[] { "eureka/", "eureka/v2/", "eureka//v2//", "EUREKA/" })
            foreach (var slash in new[] { "", "/" })
                foreach (var type in new[] { "application/json", "application/xml", "application/json;charset=utf-8", "application/xml; charset=\"UTF-8\"" })
                    forms.Add(prefix, slash, type);
        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task An_instance_is_registered_renewed_found_and_removed(string prefix, string slash, string type)
    {
        var json = RegistryHost.Body("netflix.json");
        var body = type.Contains("xml", StringComparison.Ordinal) ? RegistryHost.Body("netflix.xml") : json;
        var accept = type.Contains("xml", StringComparison.Ordinal) ? "application/xml" : "application/json";

        var registered = await _registry.SendAsync(HttpMethod.Post, $"{prefix}apps/Orders{slash}", null, RegistryHost.Content(body, type), accept);
        Assert.Equal((204, ""), (registered.Status, registered.Body));

        var renewed = await _registry.PutAsync($"{prefix}apps/orders/h1%3Aorders%3A8080{slash}?status=UP&lastDirtyTimestamp=1700000000000");
        Assert.Equal((200, "", "0"), (renewed.Status, renewed.Body, renewed.Header("Content-Length")));

        foreach (var path in new[]
                 {
                     "apps", "apps/delta", "apps/ORDERS", "apps/ORDERS/h1:orders:8080", "instances/h1:orders:8080", "vips/orders", "svips/Orders",
                 })
        {
            var found = await _registry.GetAsync(prefix + path + slash, accept);
            Assert.Equal((200, accept), (found.Status, found.Header("Content-Type")));
            Assert.Contains("h1:orders:8080", found.Body, StringComparison.Ordinal);
        }

        var removed = await _registry.DeleteAsync($"{prefix}apps/ORDERS/h1:orders:8080{slash}");
        Assert.Equal((200, "", "0"), (removed.Status, removed.Body, removed.Header("Content-Length")));
        Assert.Equal(404, (await _registry.GetAsync($"{prefix}apps/ORDERS{slash}", accept)).Status);
    }

    [Theory]
    [InlineData("PUT", "apps/NONE/x")]
    [InlineData("DELETE", "apps/NONE/x")]
    [InlineData("GET", "apps/NONE")]
    [InlineData("GET", "apps/NONE/x")]
    [InlineData("GET", "instances/x")]
    [InlineData("PUT", "apps/NONE/x/status?value=DOWN")]
    [InlineData("DELETE", "apps/NONE/x/status")]
    [InlineData("PUT", "apps/NONE/x/metadata?a=b")]
    [InlineData("GET", "nothing/here")]
    [InlineData("PATCH", "apps")]
    public async Task What_is_unknown_is_an_empty_404(string method, string path)
    {
        var answer = await _registry.SendAsync(new HttpMethod(method), "eureka/" + path);

        Assert.Equal((404, "", "0"), (answer.Status, answer.Body, answer.Header("Content-Length")));
        Assert.Null(answer.Header("Content-Type"));
    }

    [Fact]
    public async Task An_unknown_vip_is_an_empty_list()
    {
        var answer = await _registry.GetAsync("eureka/vips/nobody");

        Assert.Equal(200, answer.Status);
        Assert.Equal("""{"applications":{"versions__delta":"-1","apps__hashcode":"","application":[]}}""", answer.Body);
    }

    [Fact]
    public async Task A_vip_lookup_finds_each_part_of_a_list_without_regard_to_case_and_nothing_else()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("vipAddress", "one, Two"), ("secureVipAddress", "safe")));
        await _registry.RegisterAsync("B", RegistryHost.Instance("B", "b", ("vipAddress", "two"), ("status", "DOWN")));

        Assert.Equal(["a"], (await _registry.GetAsync("eureka/vips/ONE")).Ids);
        var two = await _registry.GetAsync("eureka/vips/two");
        Assert.Equal(["a", "b"], two.Ids);
        Assert.Equal(("-1", "DOWN_1_UP_1_"), (two.Version, two.Hash));
        Assert.Equal(["a"], (await _registry.GetAsync("eureka/svips/safe")).Ids);
        Assert.Empty((await _registry.GetAsync("eureka/vips/safe")).Ids);
        Assert.Empty((await _registry.GetAsync("eureka/vips/tw")).Ids);
    }

    [Fact]
    public async Task Ids_are_case_sensitive_and_may_hold_what_steeltoe_encodes_as_a_form()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "my host:a/1"));

        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/a/my+host%3Aa%2F1")).Status);
        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/a/my%20host:a%2f1")).Status);
        Assert.Equal(404, (await _registry.PutAsync("eureka/apps/a/MY%20host:a%2f1")).Status);
    }

    [Fact]
    public async Task Equal_ids_in_two_applications_are_two_instances()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "x"));
        await _registry.RegisterAsync("B", RegistryHost.Instance("B", "x"));

        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/x/status?value=OUT_OF_SERVICE")).Status);

        Assert.Equal("OUT_OF_SERVICE", (await _registry.GetAsync("eureka/apps/A/x")).Json.GetProperty("instance").GetProperty("status").GetString());
        Assert.Equal("UP", (await _registry.GetAsync("eureka/apps/B/x")).Json.GetProperty("instance").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("PUT", "apps/A/a?lastDirtyTimestamp=abc")]
    [InlineData("PUT", "apps/A/a/status")]
    [InlineData("PUT", "apps/A/a/status?value=SLEEPING")]
    [InlineData("PUT", "apps/A/a/status?value=UP&lastDirtyTimestamp=-1")]
    [InlineData("DELETE", "apps/A/a/status?value=SLEEPING")]
    [InlineData("PUT", "asg/group/status?value=ENABLED")]
    public async Task Queries_that_make_no_sense_are_an_empty_400(string method, string path)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a"));

        var answer = await _registry.SendAsync(new HttpMethod(method), "eureka/" + path);

        Assert.Equal((400, ""), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_batch_of_a_peer_is_refused()
    {
        var answer = await _registry.SendAsync(
            HttpMethod.Post, "eureka/peerreplication/batch/", "gateway", RegistryHost.Content("""{"replicationList":[]}"""));

        Assert.Equal((403, ""), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task Metadata_is_added_and_overwritten_and_the_limits_hold()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("metadata", new { zone = "z1", keep = "k" })));

        Assert.Equal(200, (await _registry.PutAsync("eureka/apps/A/a/metadata?zone=z2&weight=3")).Status);
        Assert.Equal(400, (await _registry.PutAsync("eureka/apps/A/a/metadata?dbPassword=x")).Status);
        Assert.Equal(400, (await _registry.PutAsync("eureka/apps/A/a/metadata?" + string.Join('&', Enumerable.Range(0, 101).Select(i => $"k{i}=v")))).Status);

        var instance = (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance");
        Assert.Equal("""{"zone":"z2","keep":"k","weight":"3"}""", instance.GetProperty("metadata").GetRawText());
        Assert.Equal("ADDED", instance.GetProperty("actionType").GetString());
    }

    [Fact]
    public async Task The_status_document_has_both_forms()
    {
        var json = await _registry.GetAsync("eureka/status");
        var xml = await _registry.GetAsync("eureka/v2/status/", "*/*");

        Assert.Equal("", json.Json.GetProperty("applicationStats").GetProperty("registered-replicas").GetString());
        Assert.Equal("demo", json.Json.GetProperty("generalStats").GetProperty("environment").GetString());
        Assert.Equal("status", xml.Xml.Name.LocalName);
        Assert.Equal("0", xml.Xml.Element("generalStats")!.Element("instances")!.Value);
    }

    [Fact]
    public async Task Only_the_servers_own_instance_is_the_coordinating_one()
    {
        var port = new Dictionary<string, object> { ["$"] = _registry.Url.Port, ["@enabled"] = "true" };
        await _registry.RegisterAsync("REGISTRY", RegistryHost.Instance("REGISTRY", "own", ("port", port)), "registry");
        await _registry.RegisterAsync("REGISTRY", RegistryHost.Instance("REGISTRY", "peer", ("isCoordinatingDiscoveryServer", "true")), "registry");
        await _registry.RegisterAsync("OTHER", RegistryHost.Instance("OTHER", "x", ("port", port), ("isCoordinatingDiscoveryServer", true)));

        var flags = (await _registry.GetAsync("eureka/apps")).Instances.ToDictionary(
            instance => instance.GetProperty("instanceId").GetString()!, instance => instance.GetProperty("isCoordinatingDiscoveryServer").GetString());
        Assert.Equal(("true", "false", "false"), (flags["own"], flags["peer"], flags["x"]));
        Assert.Equal("own", (await _registry.GetAsync("eureka/status")).Json.GetProperty("instanceInfo").GetProperty("instanceId").GetString());
    }
}
