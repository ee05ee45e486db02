using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Config.Tests;

/// <summary>The server hands out texts; it executes none, and no address changes what it hands out.</summary>
public sealed class ExpressionTests
{
    [Fact]
    public async Task V_115_the_text_of_an_expression_is_served_as_text_in_every_form()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string[] texts = ["#{T(java.lang.Runtime).getRuntime().exec('id')}", "#{7*7}", "T(java.lang.Runtime)", "${7*7}", "{{7*7}}", "$(id)"];
        var lookup = $"${{jndi:ldap://{listener.LocalEndpoint}/x}}";
        await using var server = new ConfigServer()
            .File("foo.yml", string.Concat(texts.Append(lookup).Select((text, number) => $"text{number}: \"{text}\"\n")))
            .File("plain.txt", string.Join('\n', texts));

        var environment = (await server.GetAsync("/foo/default")).Json["propertySources"]![0]!["source"]!;
        var merged = (await server.GetAsync("/foo-default.json")).Json;
        for (var i = 0; i < texts.Length; i++)
        {
            Assert.Equal(texts[i], environment["text" + i]!.GetValue<string>());
            Assert.Equal(texts[i], merged["text" + i]!.GetValue<string>());
        }
        Assert.Equal(string.Join('\n', texts), (await server.GetAsync("/foo/default/main/plain.txt")).Body);
        Assert.Equal(lookup, environment["text" + texts.Length]!.GetValue<string>());
        // What stands behind the colon is a default, as in Spring, and not something to look up.
        Assert.Equal($"ldap://{listener.LocalEndpoint}/x", merged["text" + texts.Length]!.GetValue<string>());
        Assert.False(listener.Pending());
    }

    [Theory]
    [InlineData("/foo/default")]
    [InlineData("/foo-default.yml")]
    [InlineData("/actuator/env")]
    [InlineData("/actuator/refresh")]
    [InlineData("/actuator/shutdown")]
    [InlineData("/monitor")]
    public async Task V_115_nothing_can_be_sent_to_change_what_is_served(string path)
    {
        await using var server = new ConfigServer().File("foo.yml", "name: foo\n");

        foreach (var method in (string[])["POST", "PUT", "PATCH", "DELETE"])
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent("""{"name":"name","value":"#{7*7}"}""", null, "application/json") };
            Assert.InRange((await server.SendAsync(request)).Status, 404, 405);
        }

        Assert.Equal("""{"name":"foo"}""", (await server.GetAsync("/foo/default")).Source());
    }
}
