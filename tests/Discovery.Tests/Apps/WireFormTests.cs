using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace SecureMesh.Discovery.Tests.Apps;

public sealed class WireFormTests : IAsyncDisposable
{
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Fact]
    public async Task An_empty_registry_has_an_empty_array_and_an_empty_hash()
    {
        Assert.Equal("""{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}""", (await _registry.GetAsync("eureka/apps")).Body);
        Assert.Equal("<applications><versions__delta>1</versions__delta><apps__hashcode /></applications>", (await _registry.GetAsync("eureka/apps", null)).Body);
        var delta = (await _registry.GetAsync("eureka/apps/delta")).Json.GetProperty("applications");
        Assert.Equal("[]", delta.GetProperty("application").GetRawText());
        Assert.True(long.Parse(delta.GetProperty("versions__delta").GetString()!, System.Globalization.CultureInfo.InvariantCulture) > 0);
    }

    [Fact]
    public async Task Json_has_exactly_the_members_of_netflix_in_their_forms_and_arrays_for_one_element()
    {
        await _registry.RegisterAsync("ORDERS", RegistryHost.Body("netflix.json"));

        var applications = (await _registry.GetAsync("eureka/apps/")).Json.GetProperty("applications");
        Assert.Equal(("1", "UP_1_"), (applications.GetProperty("versions__delta").GetString(), applications.GetProperty("apps__hashcode").GetString()));
        var application = Assert.Single(applications.GetProperty("application").EnumerateArray());
        Assert.Equal(["name", "instance"], Names(application));
        var instance = Assert.Single(application.GetProperty("instance").EnumerateArray());
        Assert.Equal(
            [
                "instanceId", "hostName", "app", "ipAddr", "status", "overriddenStatus", "port", "securePort", "countryId", "dataCenterInfo", "leaseInfo",
                "metadata", "homePageUrl", "statusPageUrl", "healthCheckUrl", "vipAddress", "secureVipAddress", "isCoordinatingDiscoveryServer",
                "lastUpdatedTimestamp", "lastDirtyTimestamp", "actionType",
            ],
            Names(instance));
        Assert.Equal("""{"$":8080,"@enabled":"true"}""", instance.GetProperty("port").GetRawText());
        Assert.Equal("""{"$":443,"@enabled":"false"}""", instance.GetProperty("securePort").GetRawText());
        Assert.Equal(
            """{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"}""",
            instance.GetProperty("dataCenterInfo").GetRawText());
        Assert.Equal("""{"management.port":"8080","zone":"zone1"}""", instance.GetProperty("metadata").GetRawText());
        Assert.Equal("\"1700000000000\"", instance.GetProperty("lastDirtyTimestamp").GetRawText());
        Assert.Equal("\"false\"", instance.GetProperty("isCoordinatingDiscoveryServer").GetRawText());
        var lease = instance.GetProperty("leaseInfo");
        Assert.Equal(
            ["renewalIntervalInSecs", "durationInSecs", "registrationTimestamp", "lastRenewalTimestamp", "evictionTimestamp", "serviceUpTimestamp"],
            Names(lease));
        Assert.All(lease.EnumerateObject(), member => Assert.Equal(JsonValueKind.Number, member.Value.ValueKind));
        // The times that the client invented are the server's.
        Assert.True(lease.GetProperty("registrationTimestamp").GetInt64() > 1_700_000_000_100);
        Assert.Equal(0, lease.GetProperty("evictionTimestamp").GetInt64());
    }

    [Fact]
    public async Task Xml_has_the_elements_of_netflix_and_escaped_names()
    {
        await _registry.RegisterAsync("ORDERS", RegistryHost.Body("netflix.xml"), null, "application/xml");

        var answer = await _registry.GetAsync("eureka/apps", "text/html");
        Assert.Equal("application/xml", answer.Header("Content-Type"));
        var xml = answer.Xml;
        Assert.Equal(("applications", "1", "UP_1_"), (xml.Name.LocalName, xml.Element("versions__delta")!.Value, xml.Element("apps__hashcode")!.Value));
        var application = Assert.Single(xml.Elements("application"));
        Assert.Equal("ORDERS", application.Element("name")!.Value);
        var instance = Assert.Single(application.Elements("instance"));
        Assert.Equal(
            [
                "instanceId", "hostName", "app", "ipAddr", "status", "overriddenstatus", "port", "securePort", "countryId", "dataCenterInfo", "leaseInfo",
                "metadata", "homePageUrl", "statusPageUrl", "healthCheckUrl", "vipAddress", "secureVipAddress", "isCoordinatingDiscoveryServer",
                "lastUpdatedTimestamp", "lastDirtyTimestamp", "actionType",
            ],
            instance.Elements().Select(element => element.Name.LocalName));
        Assert.Equal(("8080", "true"), (instance.Element("port")!.Value, instance.Element("port")!.Attribute("enabled")!.Value));
        Assert.Equal("false", instance.Element("securePort")!.Attribute("enabled")!.Value);
        Assert.Equal("com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", instance.Element("dataCenterInfo")!.Attribute("class")!.Value);
        Assert.Equal("/app", instance.Element("metadata")!.Element("config__path")!.Value);
        // The underscore was doubled on the way in and is one in JSON.
        Assert.Equal("/app", (await _registry.GetAsync("eureka/apps/ORDERS/h1:orders:8080")).Json.GetProperty("instance").GetProperty("metadata").GetProperty("config_path").GetString());
    }

    [Fact]
    public async Task Metadata_keys_that_are_no_xml_names_survive_both_directions()
    {
        var metadata = new Dictionary<string, string> { ["1 a<b>"] = "x", ["$d"] = "y", ["a:b"] = "z", ["_"] = "_", ["ключ"] = "é\U0001F600" };
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a", ("metadata", metadata)));
        var xml = await _registry.GetAsync("eureka/apps/A/a", "application/xml");
        Assert.Equal(200, xml.Status);

        Assert.Equal(204, (await _registry.RegisterAsync("A", xml.Body, null, "application/xml")).Status);

        var read = (await _registry.GetAsync("eureka/apps/A/a")).Json.GetProperty("instance").GetProperty("metadata");
        Assert.Equal(metadata, read.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.GetString()!));
    }

    [Fact]
    public async Task Empty_metadata_has_the_type_hint_that_java_expects()
    {
        await _registry.RegisterAsync("ORDERS", RegistryHost.Body("steeltoe3.json"));

        var json = await _registry.GetAsync("eureka/apps/ORDERS/h1:orders:8080");
        var xml = await _registry.GetAsync("eureka/apps/ORDERS/h1:orders:8080", "application/xml");
        Assert.Equal("""{"@class":"java.util.Collections$EmptyMap"}""", json.Json.GetProperty("instance").GetProperty("metadata").GetRawText());
        Assert.Contains("<metadata class=\"java.util.Collections$EmptyMap\" />", xml.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_amazon_instance_keeps_its_data_and_takes_its_id_from_it()
    {
        await _registry.RegisterAsync("ORDERS", RegistryHost.Body("amazon.json"));

        var instance = (await _registry.GetAsync("eureka/apps/ORDERS/i-1")).Json.GetProperty("instance");
        Assert.Equal(
            """{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon","metadata":{"instance-id":"i-1","availability-zone":"us-east-1c"}}""",
            instance.GetProperty("dataCenterInfo").GetRawText());
        var xml = await _registry.GetAsync("eureka/apps/ORDERS/i-1", null);
        Assert.Contains("<metadata><instance-id>i-1</instance-id>", xml.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "application/xml")]
    [InlineData("*/*", "application/xml")]
    [InlineData("application/xml", "application/xml")]
    [InlineData("application/json, application/*+json", "application/json")]
    [InlineData("application/vnd.netflix+JSON", "application/json")]
    public async Task A_list_is_json_when_accept_says_so_anywhere(string? accept, string type)
    {
        Assert.Equal(type, (await _registry.GetAsync("eureka/apps", accept)).Header("Content-Type"));
    }

    [Theory]
    [InlineData(null, "application/xml")]
    [InlineData("*/*", "application/xml")]
    [InlineData("application/json, application/xml", "application/xml")]
    [InlineData("application/json, application/xml;q=0.5", "application/json")]
    [InlineData("application/json, application/*+json", "application/json")]
    [InlineData("gar bage;;", "application/xml")]
    public async Task A_single_instance_is_negotiated_with_xml_first(string? accept, string type)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a"));

        Assert.Equal(type, (await _registry.GetAsync("eureka/apps/A/a", accept)).Header("Content-Type"));
        Assert.Equal(type, (await _registry.GetAsync("eureka/instances/a", accept)).Header("Content-Type"));
    }

    [Theory]
    [InlineData("eureka/apps", "application/json")]
    [InlineData("eureka/apps/delta", "application/xml")]
    public async Task Gzip_is_sent_only_when_asked_for(string path, string accept)
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a"));

        var plain = await _registry.GetAsync(path, accept);
        var refused = await _registry.GetAsync(path, accept, null, ("Accept-Encoding", "gzip;q=0, br"));
        var zipped = await _registry.GetAsync(path, accept, null, ("Accept-Encoding", "deflate, gzip"));

        Assert.Null(plain.Header("Content-Encoding"));
        Assert.Null(refused.Header("Content-Encoding"));
        Assert.Equal("gzip", zipped.Header("Content-Encoding"));
        using var unzipped = new StreamReader(new GZipStream(new MemoryStream(zipped.Bytes), CompressionMode.Decompress), Encoding.UTF8);
        Assert.Equal(plain.Body, await unzipped.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Html_in_an_id_is_escaped()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "<script>alert('x')</script>"));

        Assert.DoesNotContain("<script", (await _registry.GetAsync("eureka/apps")).Body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", (await _registry.GetAsync("eureka/apps", null)).Body, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(member => member.Name);
}
