using SecureMesh.Tests.Support;

namespace SecureMesh.Config.Tests;

/// <summary>The rows of the list by which a configuration server is taken for compatible.</summary>
public sealed class ConformanceTests
{
    private static ConfigServer Foo() => new ConfigServer()
        .File("foo-dev.yml", "name: foo-dev\n").File("application-dev.yml", "name: application-dev\n")
        .File("foo.yml", "name: foo\n").File("application.yml", "name: application\n");

    [Fact]
    public async Task Row_foo_dev_has_four_sources_in_order_profiles_in_one_string_and_no_label()
    {
        await using var server = Foo();

        var answer = await server.GetAsync("/foo/dev");

        Assert.Equal(200, answer.Status);
        Assert.Equal("application/json", answer.ContentType);
        Assert.Equal(
            """{"name":"foo","profiles":["dev"],"label":null,"version":null,"state":null,"propertySources":["""
            + """{"name":"foo-dev.yml","source":{"name":"foo-dev"}},{"name":"application-dev.yml","source":{"name":"application-dev"}},"""
            + """{"name":"foo.yml","source":{"name":"foo"}},{"name":"application.yml","source":{"name":"application"}}]}""", answer.Body);
    }

    [Fact]
    public async Task Row_a_list_of_profiles_may_have_its_comma_encoded_and_the_last_comes_first()
    {
        await using var server = Foo().File("foo-mysql.yml", "name: foo-mysql\n");

        var plain = await server.GetAsync("/foo/dev,mysql");
        var encoded = await server.GetAsync("/foo/dev%2Cmysql");

        Assert.Equal(["foo-mysql.yml", "foo-dev.yml", "application-dev.yml", "foo.yml", "application.yml"], plain.Sources);
        Assert.Equal("""["dev,mysql"]""", plain.Json["profiles"]!.ToJsonString());
        Assert.Equal(plain.Body, encoded.Body);
    }

    [Fact]
    public async Task Row_an_unknown_application_gets_the_shared_sources_or_an_empty_array()
    {
        await using var shared = Foo();
        await using var empty = new ConfigServer();

        Assert.Equal(["application.yml"], (await shared.GetAsync("/nothing/default")).Sources);
        var answer = await empty.GetAsync("/nothing/default");
        Assert.Equal(200, answer.Status);
        Assert.Empty(answer.Sources);
    }

    [Fact]
    public async Task Row_a_git_label_that_does_not_exist_is_404()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "a: 1\n");

        var answer = await server.GetAsync("/foo/dev/no-such-branch");

        Assert.Equal(404, answer.Status);
        Assert.Equal("Not Found", answer.Json["error"]!.GetValue<string>());
        Assert.Equal("/foo/dev/no-such-branch", answer.Json["path"]!.GetValue<string>());
    }

    [Fact]
    public async Task Row_a_slash_in_a_label_is_written_in_brackets_or_encoded()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "at: main\n").Git("checkout", "-q", "-b", "feature/x").Commit("foo.yml", "at: feature\n");

        foreach (var path in new[] { "/foo/dev/feature(_)x", "/foo/dev/feature%2Fx" })
        {
            var answer = await server.GetAsync(path);
            Assert.Equal("""{"at":"feature"}""", answer.Source());
            Assert.Equal("feature/x", answer.Json["label"]!.GetValue<string>());
        }
    }

    [Fact]
    public async Task Row_merged_text_and_object_with_and_without_a_label()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path).Commit("foo.yml", "a:\n  b: 1\n  c: [x, y]\n");

        Assert.Equal("a:\n  b: 1\n  c:\n  - x\n  - y\n", (await server.GetAsync("/foo-dev.yml")).Body);
        Assert.Equal("a.b: 1\na.c[0]: x\na.c[1]: y", (await server.GetAsync("/main/foo-dev.properties")).Body);
        var json = await server.GetAsync("/foo-dev.json");
        Assert.Equal("application/json", json.ContentType);
        Assert.Equal("""{"a":{"b":1,"c":["x","y"]}}""", json.Body);
    }

    [Fact]
    public async Task Row_a_second_segment_that_ends_like_a_file_is_no_profile()
    {
        await using var server = Foo();

        Assert.Equal(404, (await server.GetAsync("/foo/dev.yml")).Status);
        Assert.Equal(404, (await server.GetAsync("/foo/dev.json")).Status);
        Assert.Equal(200, (await server.GetAsync("/foo/dev-json")).Status);
    }

    [Fact]
    public async Task Row_a_file_is_served_for_its_profile_with_placeholders_filled_or_raw()
    {
        await using var server = new ConfigServer();
        var git = new GitRepository(server.Folder.Path)
            .Commit("foo.yml", "port: 8080\n").Commit("nginx.conf", "plain").Commit("nginx-dev.conf", "listen ${port}; ${gone} ${gone:80} \\${port}");

        Assert.Equal("listen 8080; ${gone} 80 ${port}", (await server.GetAsync("/foo/dev/main/nginx.conf")).Body);
        Assert.Equal("listen ${port}; ${gone} ${gone:80} \\${port}", (await server.GetAsync("/foo/dev/main/nginx.conf?resolvePlaceholders=false")).Body);
        Assert.Equal("plain", (await server.GetAsync("/foo/prod/main/nginx.conf")).Body);
    }

    [Fact]
    public async Task Row_useDefaultLabel_asks_for_a_file_without_naming_a_label()
    {
        await using var server = new ConfigServer().File("nginx.conf", "plain");

        Assert.Equal("plain", (await server.GetAsync("/foo/dev/nginx.conf?useDefaultLabel")).Body);
    }

    [Fact]
    public async Task Row_a_file_that_is_not_newer_than_asked_is_304()
    {
        await using var server = new ConfigServer().File("nginx.conf", "plain");
        var first = await server.GetAsync("/foo/dev/nginx.conf?useDefaultLabel");

        var again = await server.GetAsync("/foo/dev/nginx.conf?useDefaultLabel", ("If-Modified-Since", first.Headers["Last-Modified"]));

        Assert.Equal(304, again.Status);
        Assert.Equal("", again.Body);
        Assert.Equal(200, (await server.GetAsync("/foo/dev/nginx.conf?useDefaultLabel", ("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"))).Status);
    }

    [Theory]
    [InlineData("application/vnd.spring-cloud.config-server.v2+json")]
    [InlineData("application/vnd.spring-cloud.config-server.v2+json, application/json;q=0.5")]
    public async Task Row_version_2_of_the_media_type_gives_values_with_their_origin(string accept)
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 1\nb:\n  c: text\n").File("foo.properties", "p=q\n");

        var answer = await server.GetAsync("/foo/dev", ("Accept", accept));

        Assert.Equal("application/vnd.spring-cloud.config-server.v2+json", answer.ContentType);
        Assert.Equal("""{"p":{"value":"q","origin":"1:3"}}""", answer.Source(0));
        Assert.Equal("""{"a":{"value":1,"origin":"1:4"},"b.c":{"value":"text","origin":"3:6"}}""", answer.Source(1));
    }

    [Fact]
    public async Task Row_a_client_that_says_nothing_about_media_types_gets_plain_scalars()
    {
        await using var server = Foo();

        var raw = await RawHttp.GetAsync(server.Url, "/foo/dev");

        Assert.Contains("Content-Type: application/json\r\n", raw.Head, StringComparison.Ordinal);
        Assert.Contains("""{"name":"foo-dev.yml","source":{"name":"foo-dev"}}""", raw.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row_a_duplicate_key_is_500_with_the_parsers_words_and_no_path_of_the_machine()
    {
        await using var server = Foo().File("broken.yml", "a: 1\nb: 2\na: 3\n");

        var answer = await server.GetAsync("/broken/default");

        Assert.Equal(500, answer.Status);
        Assert.Equal("broken.yml: line 3, column 1: duplicate key 'a'", answer.Json["message"]!.GetValue<string>());
        Assert.DoesNotContain(server.Folder.Path, answer.Body, StringComparison.Ordinal);
        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
    }

    [Fact]
    public async Task Row_monitor_and_the_encryption_endpoints_are_reserved_names()
    {
        await using var server = Foo();

        foreach (var path in new[] { "/actuator/env", "/encrypt/status", "/key/foo/dev", "/monitor/x", "/decrypt/x" })
            Assert.Equal(404, (await server.GetAsync(path)).Status);
    }
}
