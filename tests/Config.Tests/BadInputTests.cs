using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>Input that no client means: a 4xx with a clear body, and the process lives.</summary>
public sealed class BadInputTests
{
    [Theory]
    [InlineData("/foo/dev,")]
    [InlineData("/foo/,dev")]
    [InlineData("/foo/-dev")]
    [InlineData("/foo/dev_")]
    [InlineData("/foo/d%20v")]
    [InlineData("/foo/d%2Fv")]
    [InlineData("/foo,/dev")]
    [InlineData("/f%23oo/dev")]
    [InlineData("/f%3Aoo/dev")]
    [InlineData("/foo/dev/a..b")]
    [InlineData("/foo/dev/-x")]
    [InlineData("/foo/dev/a%23b")]
    [InlineData("/foo/dev/a,")]
    [InlineData("/foo/dev/%25")]
    [InlineData("/foo/dev/%2525")]
    [InlineData("/foo/dev/%FF")]
    [InlineData("/foo/%C3%28")]
    [InlineData("/foo/dev/x%0Ay")]
    [InlineData("/foo/dev/main/x%0Ay")]
    [InlineData("/foo/dev/main/%2e%252e/x")]
    [InlineData("/foo/dev/main/a%7Cb")]
    public async Task A_malformed_name_is_400_with_a_body(string target)
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");

        var answer = await RawHttp.GetAsync(server.Url, target);

        Assert.Equal(400, answer.Status);
        Assert.Contains("\"status\":400,\"error\":\"Bad Request\",\"message\":\"Invalid Request: ", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/foo/%00")]
    [InlineData("/%00/dev")]
    [InlineData("/foo/dev/main/a%00.txt")]
    [InlineData("/foo/dev?x=%00")]
    public async Task A_nul_is_400(string target)
    {
        await using var server = new ConfigServer();

        Assert.Equal(400, (await RawHttp.GetAsync(server.Url, target)).Status);
    }

    [Fact]
    public async Task Very_long_names_are_4xx()
    {
        await using var server = new ConfigServer();

        foreach (var length in new[] { 257, 4000, 5000, 15_000, 40_000 })
        {
            foreach (var target in new[] { $"/{new string('a', length)}/dev", $"/foo/{new string('a', length)}", $"/foo/dev/{new string('a', length)}", $"/foo/dev/main/{new string('a', length)}" })
                Assert.InRange((await RawHttp.GetAsync(server.Url, target)).Status, 400, 499);
        }
        Assert.Equal(400, (await server.GetAsync("/foo/" + string.Join(',', Enumerable.Repeat("a", 33)))).Status);
        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    [InlineData("TRACE")]
    [InlineData("NONSENSE")]
    public async Task Other_methods_are_405_and_say_which_are_allowed(string method)
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");

        foreach (var path in new[] { "/foo/default", "/foo-default.yml", "/foo/default/main/foo.yml", "/monitor" })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            var answer = await server.SendAsync(request);
            Assert.Equal(405, answer.Status);
            Assert.Equal("GET, HEAD", answer.Headers["Allow"]);
        }
    }

    [Fact]
    public async Task Head_follows_get()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");
        var get = await server.GetAsync("/foo/default");

        using var request = new HttpRequestMessage(HttpMethod.Head, "/foo/default");
        var head = await server.SendAsync(request);

        Assert.Equal((200, ""), (head.Status, head.Body));
        Assert.Equal(get.ETag, head.ETag);
        Assert.Equal(get.Headers["Content-Length"], head.Headers["Content-Length"]);
    }

    [Theory]
    [InlineData("application/xml", 406)]
    [InlineData("text/plain", 406)]
    [InlineData("nonsense", 406)]
    [InlineData(";;;", 406)]
    [InlineData("application/json;q=0", 406)]
    [InlineData("application/json", 200)]
    [InlineData("*/*", 200)]
    [InlineData("application/*", 200)]
    [InlineData("application/xml, */*;q=0.1", 200)]
    [InlineData("application/json, application/*+json", 200)]
    [InlineData("application/json;charset=utf-8", 200)]
    public async Task The_environment_is_json_or_406(string accept, int status)
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");

        var answer = await server.GetAsync("/foo/default", ("Accept", accept));

        Assert.Equal(status, answer.Status);
        Assert.Equal("application/json", answer.ContentType);
    }

    [Theory]
    [InlineData("If-None-Match", "nonsense")]
    [InlineData("If-None-Match", "\"open")]
    [InlineData("If-Modified-Since", "yesterday")]
    [InlineData("Prefer", ",,;=\"")]
    [InlineData("Accept-Charset", "klingon, ;;")]
    public async Task Strange_headers_are_ignored(string name, string value)
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");

        Assert.Equal(200, (await server.GetAsync("/foo/default", (name, value))).Status);
        Assert.Equal(200, (await server.GetAsync("/foo/default/main/foo.yml", (name, value))).Status);
    }

    [Fact]
    public async Task A_body_is_ignored()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\n");

        var answer = await RawHttp.SendAsync(server.Url, $"GET /foo/default HTTP/1.1\r\nHost: {server.Url.Authority}\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\u00ff\u0000{{{{");

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task Letters_of_any_script_are_names()
    {
        await using var server = new ConfigServer().File("größe.yml", "a: 1\n").File("foo.yml", "b: 1\n").File("日本/x.txt", "text");

        Assert.Equal("""{"a":1}""", (await server.GetAsync("/gr%C3%B6%C3%9Fe/default")).Source());
        Assert.Equal("text", (await server.GetAsync("/foo/default/main/%E6%97%A5%E6%9C%AC/x.txt")).Body);
    }
}
