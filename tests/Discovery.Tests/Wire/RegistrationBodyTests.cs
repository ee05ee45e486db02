namespace SecureMesh.Discovery.Tests.Wire;

public sealed class RegistrationBodyTests : IAsyncDisposable
{
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData("netflix.json", "h1:orders:8080")]
    [InlineData("spring.json", "h1:orders:8080")]
    [InlineData("steeltoe4.json", "h1:orders:8080")]
    [InlineData("steeltoe3.json", "h1:orders:8080")]
    [InlineData("javascript.json", "h1:orders:8080")]
    [InlineData("javascript-readme.json", "h1")]
    [InlineData("amazon.json", "i-1")]
    [InlineData("netflix.xml", "h1:orders:8080")]
    public async Task What_each_client_sends_is_registered_without_a_null(string file, string id)
    {
        var xml = file.EndsWith(".xml", StringComparison.Ordinal);
        var answer = await _registry.RegisterAsync("ORDERS", RegistryHost.Body(file), null, xml ? "application/xml" : "application/json");
        Assert.Equal((204, ""), (answer.Status, answer.Body));

        var found = await _registry.GetAsync("eureka/apps/ORDERS/" + Uri.EscapeDataString(id));
        Assert.DoesNotContain("null", found.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("\"sid\"", found.Body, StringComparison.Ordinal);
        var instance = found.Json.GetProperty("instance");
        Assert.Equal(("ORDERS", "UP", "UNKNOWN"), (instance.GetProperty("app").GetString(), instance.GetProperty("status").GetString(), instance.GetProperty("overriddenStatus").GetString()));
        Assert.Equal("""{"$":8080,"@enabled":"true"}""", instance.GetProperty("port").GetRawText());
        Assert.Equal((30, 90), (instance.GetProperty("leaseInfo").GetProperty("renewalIntervalInSecs").GetInt32(), instance.GetProperty("leaseInfo").GetProperty("durationInSecs").GetInt32()));
    }

    public static TheoryData<string, string?, string> Incomplete() => new()
    {
        { "hostName", null, "Missing hostname" },
        { "ipAddr", "", "Missing ip address" },
        { "app", null, "Missing appName" },
        { "app", "OTHER", "Mismatched appName, expecting A but was OTHER" },
        { "dataCenterInfo", null, "Missing dataCenterInfo" },
    };

    [Theory]
    [MemberData(nameof(Incomplete))]
    public async Task A_missing_member_is_a_400_in_the_words_of_netflix(string member, string? value, string text)
    {
        var json = RegistryHost.Instance("A", "a", (member, value));
        foreach (var (body, type) in new[] { (json, "application/json"), (RegistryHost.AsXml(json), "application/xml") })
        {
            var answer = await _registry.RegisterAsync("a", body, null, type);
            Assert.Equal((400, text), (answer.Status, answer.Body));
        }
    }

    [Fact]
    public async Task An_instance_without_any_name_has_no_id()
    {
        var answer = await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("instanceId", null), ("hostName", null)));
        Assert.Equal((400, "Missing instanceId"), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("""{"name":"Moon"}""", "Invalid dataCenterInfo")]
    [InlineData("""{"@class":"java.lang.ProcessBuilder","name":"MyOwn"}""", "Invalid dataCenterInfo")]
    [InlineData("""{"@class":"com.netflix.appinfo.MyDataCenterInfo"}""", "Missing dataCenterInfo Name")]
    [InlineData("""{}""", "Missing dataCenterInfo Name")]
    [InlineData("\"MyOwn\"", "Missing dataCenterInfo")]
    public async Task A_data_centre_is_one_of_the_three_known(string center, string text)
    {
        var answer = await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("dataCenterInfo", System.Text.Json.JsonDocument.Parse(center).RootElement)));
        Assert.Equal((400, text), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData("host", "h9", "h9:own")]
    [InlineData("h9:own", "h9", "h9:own")]
    public async Task Springs_metadata_instance_id_stands_in_for_the_id(string own, string host, string id)
    {
        own = own == "host" ? "own" : own;
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("instanceId", null), ("hostName", host), ("metadata", new { instanceId = own })));
        Assert.Equal(200, (await _registry.GetAsync("eureka/apps/A/" + id)).Status);
    }

    [Fact]
    public async Task Numbers_and_flags_may_be_text_and_unknown_words_become_unknown()
    {
        var body = RegistryHost.Instance("A", "a", ("status", "sleeping"), ("port", new Dictionary<string, object> { ["$"] = "81" }),
            ("securePort", new Dictionary<string, object> { ["$"] = "444" }), ("countryId", "7"), ("leaseInfo", new { durationInSecs = "45", renewalIntervalInSecs = 0 }),
            ("isCoordinatingDiscoveryServer", true), ("lastDirtyTimestamp", "1700000000000"), ("metadata", new { number = 1, flag = true, none = (string?)null }),
            ("somethingNew", new { nested = new[] { 1, 2 } }));
        Assert.Equal(204, (await _registry.RegisterAsync("A", body)).Status);

        var instance = (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance");
        Assert.Equal("UNKNOWN", instance.GetProperty("status").GetString());
        Assert.Equal("""{"$":81,"@enabled":"true"}""", instance.GetProperty("port").GetRawText());
        Assert.Equal("""{"$":444,"@enabled":"false"}""", instance.GetProperty("securePort").GetRawText());
        Assert.Equal((30, 45), (instance.GetProperty("leaseInfo").GetProperty("renewalIntervalInSecs").GetInt32(), instance.GetProperty("leaseInfo").GetProperty("durationInSecs").GetInt32()));
        Assert.Equal("""{"number":"1","flag":"true"}""", instance.GetProperty("metadata").GetRawText());
        Assert.False(instance.TryGetProperty("somethingNew", out _));
    }

    [Theory]
    [InlineData("status", null, "UP")]
    [InlineData("status", "up", "UP")]
    [InlineData("status", "OUT_OF_SERVICE", "OUT_OF_SERVICE")]
    public async Task The_status_is_read_without_regard_to_case_and_up_when_absent(string member, string? value, string status)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", (member, value)));
        Assert.Equal(status, (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance").GetProperty("status").GetString());
    }

    public static TheoryData<string, object?, string> Refused() => new()
    {
        { "hostName", "169.254.169.254", "Invalid hostname" },
        { "hostName", "169.254.169.254.", "Invalid hostname" },
        { "hostName", "2852039166", "Invalid hostname" },
        { "hostName", "0xA9.0xFE.0xA9.0xFE", "Invalid hostname" },
        { "hostName", "metadata.google.internal", "Invalid hostname" },
        { "hostName", "[fe80::1]", "Invalid hostname" },
        { "hostName", "a b", "Invalid hostname" },
        { "hostName", "evil.example/x?", "Invalid hostname" },
        { "hostName", "user@host", "Invalid hostname" },
        { "ipAddr", "::ffff:169.254.169.254", "Invalid ip address" },
        { "ipAddr", "64:ff9b::a9fe:a9fe", "Invalid ip address" },
        { "ipAddr", "fd00:ec2::254", "Invalid ip address" },
        { "ipAddr", "100.100.100.200", "Invalid ip address" },
        { "ipAddr", "0.0.0.0", "Invalid ip address" },
        { "ipAddr", "::", "Invalid ip address" },
        { "ipAddr", "224.0.0.1", "Invalid ip address" },
        { "ipAddr", "ff02::1", "Invalid ip address" },
        { "ipAddr", "255.255.255.255", "Invalid ip address" },
        { "port", 65536, "Invalid port" },
        { "port", -1, "Invalid port" },
        { "vipAddress", "a b", "Invalid vipAddress" },
        { "vipAddress", "a,ä", "Invalid vipAddress" },
        { "secureVipAddress", "trailing.", "Invalid vipAddress" },
        { "instanceId", "a\nb", "Invalid instanceId" },
        { "instanceId", "a\u0000b", "Invalid instanceId" },
        { "instanceId", "a\uffffb", "Invalid instanceId" },
        { "instanceId", new string('x', 257), "Invalid instanceId" },
        { "asgName", "a\u0007", "Invalid text" },
        { "homePageUrl", "javascript:alert(1)", "Invalid url: http or https on the instance's own host" },
        { "homePageUrl", "file:///etc/passwd", "Invalid url: http or https on the instance's own host" },
        { "statusPageUrl", "http://elsewhere.example/", "Invalid url: http or https on the instance's own host" },
        { "healthCheckUrl", "http://127.0.0.1@elsewhere.example/", "Invalid url: http or https on the instance's own host" },
        { "healthCheckUrl", "http://user:pass@127.0.0.1/", "Invalid url: http or https on the instance's own host" },
        { "secureHealthCheckUrl", "/relative", "Invalid url: http or https on the instance's own host" },
        { "metadata", new Dictionary<string, string> { ["db_Password"] = "x" }, "Metadata must not carry secrets" },
        { "metadata", new Dictionary<string, string> { ["apiToken"] = "x" }, "Metadata must not carry secrets" },
        { "metadata", new Dictionary<string, string> { ["client.SECRET"] = "x" }, "Metadata must not carry secrets" },
        { "metadata", new Dictionary<string, string> { ["a"] = "x\ny" }, "Invalid metadata value" },
        { "metadata", new Dictionary<string, string> { ["a"] = new('x', 4097) }, "Invalid metadata value" },
        { "metadata", new Dictionary<string, string> { [new('k', 257)] = "x" }, "Invalid metadata key" },
        { "metadata", new Dictionary<string, string> { ["\u0001"] = "x" }, "Invalid metadata key" },
        { "metadata", Enumerable.Range(0, 101).ToDictionary(i => "k" + i, i => "v"), "Too many metadata entries" },
        { "metadata", new Dictionary<string, object> { ["a"] = new { b = 1 } }, """{"error": "cannot parse request body"}""" },
        { "metadata", "text", """{"error": "cannot parse request body"}""" },
        { "port", "eighty", """{"error": "cannot parse request body"}""" },
        { "port", new[] { 80 }, """{"error": "cannot parse request body"}""" },
        { "countryId", 99999999999, """{"error": "cannot parse request body"}""" },
        { "lastDirtyTimestamp", "yesterday", """{"error": "cannot parse request body"}""" },
        { "hostName", new { a = 1 }, """{"error": "cannot parse request body"}""" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_would_harm_a_client_is_a_400_that_says_what(string member, object? value, string text)
    {
        var answer = await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", (member, value)));

        Assert.Equal((400, text), (answer.Status, answer.Body));
        Assert.Empty((await _registry.GetAsync("eureka/apps")).Ids);
    }

    [Fact]
    public async Task Loopback_and_own_urls_are_accepted()
    {
        foreach (var (host, ip, url) in new[]
                 {
                     ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:8082/actuator/health"), ("Host-1.Example", "10.0.0.1", "https://host-1.example./x"),
                     ("h", "10.0.0.1", "http://10.0.0.1/"), ("[::1]", "::1", "http://[::1]:80/"), ("localhost", "127.0.0.1", ""),
                 })
        {
            var answer = await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("hostName", host), ("ipAddr", ip), ("healthCheckUrl", url)));
            Assert.Equal((204, ""), (answer.Status, answer.Body));
        }
    }
}
