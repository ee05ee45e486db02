using System.IO.Compression;
using System.Text;
using SecureMesh.Tests.Support;

namespace SecureMesh.Discovery.Tests.Wire;

public sealed class HostileBodyTests : IAsyncDisposable
{
    private const string JsonFault = """{"error": "cannot parse request body"}""";
    private const string XmlFault = "<error><message>cannot parse request body</message></error>";
    private readonly RegistryHost _registry = new();

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    public static TheoryData<string> BadJson() =>
    [
        "", " ", "{", "null", "[]", "1", "\"instance\"", "{}", "{\"instance\":null}", "{\"instance\":[]}", "{\"instance\":1}", "not json", "{\"instance\":{}} x",
        "{\"instance\":{\"app\":\"A\",\"app\":\"ACCOUNT-SERVICE\"}}",
        "{\"instance\":{\"instanceId\":\"\\ud800\"}}",
        string.Concat(Enumerable.Repeat("{\"instance\":", 5000)),
        new string('[', 60000),
        "{\"instance\":{\"app\":\"A\",\"x\":" + new string('[', 40) + new string(']', 40) + "}}",
    ];

    [Theory]
    [MemberData(nameof(BadJson))]
    public async Task Json_that_is_none_is_a_400(string body)
    {
        var answer = await _registry.RegisterAsync("A", body);

        Assert.Equal((400, JsonFault, "application/json"), (answer.Status, answer.Body, answer.Header("Content-Type")));
    }

    public static TheoryData<string> BadXml() =>
    [
        "", "<", "<instance>", "<instance/><instance/>", "<other/>", "text", "<instance>&unknown;</instance>", "<instance><a>&#0;</a></instance>", "<instance>\u0001</instance>",
        "<!DOCTYPE instance><instance/>",
        "<!DOCTYPE instance [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><instance><app>&x;</app></instance>",
        "<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><instance><app>&c;</app></instance>",
        "<?xml version=\"1.0\" encoding=\"utf-99\"?><instance/>",
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><instance/>",
        string.Concat(Enumerable.Repeat("<instance>", 6000)),
        string.Concat(Enumerable.Repeat("<instance>", 40)) + string.Concat(Enumerable.Repeat("</instance>", 40)),
    ];

    [Theory]
    [MemberData(nameof(BadXml))]
    public async Task Xml_that_is_none_or_brings_a_dtd_is_a_400(string body)
    {
        var answer = await _registry.RegisterAsync("A", body, null, "application/xml");

        Assert.Equal((400, XmlFault, "application/xml"), (answer.Status, answer.Body, answer.Header("Content-Type")));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/xml")]
    public async Task Broken_utf8_is_a_400(string type)
    {
        var body = type == "application/json" ? RegistryHost.Body("netflix.json") : RegistryHost.Body("netflix.xml");
        var bytes = Encoding.Latin1.GetBytes(body.Replace("zone1", "zone\u00ff", StringComparison.Ordinal));

        var answer = await _registry.SendAsync(HttpMethod.Post, "eureka/apps/ORDERS", null, RegistryHost.Content(bytes, type));

        Assert.Equal(400, answer.Status);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/json")]
    [InlineData("application/vnd.api+json")]
    [InlineData("application/json; charset=iso-8859-1")]
    [InlineData("application/json, application/xml")]
    [InlineData("nonsense")]
    [InlineData("")]
    public async Task Another_media_type_is_an_empty_415(string type)
    {
        var answer = await _registry.RegisterAsync("ORDERS", RegistryHost.Body("netflix.json"), null, type);

        Assert.Equal((415, ""), (answer.Status, answer.Body));
    }

    [Theory]
    [InlineData(66_000)]
    [InlineData(1_000_000)]
    [InlineData(3_000_000)]
    public async Task A_body_beyond_64_KiB_is_an_empty_413(int size)
    {
        var body = RegistryHost.Instance("A", "a", ("metadata", new Dictionary<string, string> { ["a"] = new('x', size) }));

        Assert.Equal((413, ""), await Status(_registry.RegisterAsync("A", body)));
        Assert.Equal((413, ""), await Status(_registry.RegisterAsync("A", RegistryHost.AsXml(body), null, "application/xml")));
    }

    [Fact]
    public async Task A_gzip_body_is_read_and_a_gzip_bomb_is_not()
    {
        Assert.Equal((204, ""), await Status(Gzip(Encoding.UTF8.GetBytes(RegistryHost.Body("netflix.json")))));

        var bomb = new byte[50_000_000];
        Assert.Equal((413, ""), await Status(Gzip(bomb)));
        Assert.Equal((413, ""), await Status(Gzip(Encoding.UTF8.GetBytes(new string(' ', 70_000) + RegistryHost.Body("netflix.json")))));
    }

    [Fact]
    public async Task Broken_gzip_is_a_400_and_another_coding_a_415()
    {
        Assert.Equal((400, JsonFault), await Status(Send([1, 2, 3, 4], "gzip")));
        Assert.Equal((400, JsonFault), await Status(Send(Zip(Encoding.UTF8.GetBytes(RegistryHost.Body("netflix.json")))[..100], "gzip")));
        Assert.Equal((415, ""), await Status(Send([1, 2, 3], "br")));
        Assert.Equal((415, ""), await Status(Send(Zip(Zip([1])), "gzip, gzip")));
    }

    [Theory]
    [InlineData("/eureka/apps/%00")]
    [InlineData("/eureka/apps/A%00/b")]
    [InlineData("/eureka/apps/%ff%fe/b")]
    [InlineData("/eureka/apps/A/b?x=%00")]
    [InlineData("/eureka/apps/%2e%2e/%2e%2e/etc")]
    [InlineData("/eureka/vips/%")]
    public async Task Odd_addresses_are_a_4xx_or_empty_and_never_a_500(string target)
    {
        var answer = await RawHttp.GetAsync(_registry.Url, target);

        Assert.True(answer.Status is 200 or (>= 400 and < 500), $"{target} gave {answer.Status}");
    }

    [Fact]
    public async Task Very_long_names_are_refused()
    {
        var name = new string('A', 129);
        Assert.Equal((400, "Invalid appName"), await Status(_registry.RegisterAsync(name, RegistryHost.Instance(name, "a"))));
        Assert.Equal(404, (await _registry.GetAsync("eureka/apps/" + new string('A', 5000))).Status);
        Assert.Equal(404, (await _registry.PutAsync("eureka/apps/A/" + new string('A', 5000))).Status);
    }

    [Theory]
    [InlineData("A B")]
    [InlineData("A/B")]
    [InlineData("Ä")]
    [InlineData(".A")]
    [InlineData("A.")]
    [InlineData("A\u200b")]
    [InlineData("A;B")]
    public async Task Names_are_plain_ascii(string name)
    {
        var answer = await _registry.RegisterAsync(Uri.EscapeDataString(name), RegistryHost.Instance(name, "a"));

        Assert.Equal((400, "Invalid appName"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task After_all_of_it_the_log_holds_no_error_and_no_line_of_an_attacker()
    {
        await _registry.RegisterAsync("A", RegistryHost.Instance("A", "a\r\nERROR forged"));
        await _registry.RegisterAsync("X%0d%0aERROR%20forged", RegistryHost.Instance("X", "a"));
        await _registry.PutAsync("eureka/apps/account-service/x%0d%0aERROR%20forged");
        foreach (var data in BadXml()) await _registry.RegisterAsync("A", data.Data, null, "application/xml");

        Assert.DoesNotContain(_registry.Logs, line => line.StartsWith("Error", StringComparison.Ordinal));
        Assert.DoesNotContain(_registry.Logs, line => line.Contains('\r', StringComparison.Ordinal) || line.Contains('\n', StringComparison.Ordinal));
    }

    private Task<Reply> Gzip(byte[] body) => Send(Zip(body), "gzip");

    private Task<Reply> Send(byte[] body, string encoding)
    {
        var content = RegistryHost.Content(body);
        content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        return _registry.SendAsync(HttpMethod.Post, "eureka/apps/ORDERS", null, content);
    }

    private static byte[] Zip(byte[] body)
    {
        var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Optimal)) gzip.Write(body);
        return stream.ToArray();
    }

    private static async Task<(int, string)> Status(Task<Reply> reply)
    {
        var answer = await reply;
        return (answer.Status, answer.Body);
    }
}
