namespace SecureMesh.Config.Tests;

/// <summary>The merged forms.</summary>
public sealed class MergedTests
{
    [Fact]
    public async Task A_list_of_a_higher_source_replaces_the_whole_list_below()
    {
        await using var server = new ConfigServer().File("application.yml", "a: {l: [1, 2, 3], m: {x: 1}}\ns: [{n: 1}]\n").File("foo.yml", "a: {l: [9], m: {y: 2}}\n");

        Assert.Equal("""{"a":{"l":[9],"m":{"x":1,"y":2}},"s":[{"n":1}]}""", (await server.GetAsync("/foo-default.json")).Body);
    }

    [Theory]
    [InlineData("a[2]=x", """{"a":[null,null,"x"]}""")]
    [InlineData("x=1\nx.y=2", """{"x":"1","x.y":"2"}""")]
    [InlineData("p.x=1\np.x.y.z=2", """{"p":{"x":"1","x.y.z":"2"}}""")]
    [InlineData("m[a.b]=1\nm[c]=2", """{"m[a.b]":"1","m[c]":"2"}""")]
    [InlineData("a[0][1]=x\na[0][0].k=y", """{"a":[[{"k":"y"},"x"]]}""")]
    [InlineData("a[0]=x\na.b=y", """{"a":{"[0]":"x","b":"y"}}""")]
    public async Task Keys_become_a_tree(string properties, string json)
    {
        await using var server = new ConfigServer().File("foo.properties", properties);

        Assert.Equal(json, (await server.GetAsync("/foo-default.json")).Body);
        Assert.Equal(200, (await server.GetAsync("/foo-default.yml")).Status);
    }

    [Theory]
    [InlineData("a..b=1")]
    [InlineData(".a=1")]
    [InlineData("a.=1")]
    [InlineData("a[99999999]=1")]
    public async Task A_key_that_makes_no_tree_is_400(string properties)
    {
        await using var server = new ConfigServer().File("foo.properties", properties);

        Assert.Equal(400, (await server.GetAsync("/foo-default.json")).Status);
        Assert.Equal(400, (await server.GetAsync("/foo-default.yml")).Status);
        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
    }

    [Fact]
    public async Task Yaml_quotes_what_would_be_read_as_something_else()
    {
        await using var server = new ConfigServer().File("foo.yml", "a: 'yes'\nb: '010'\nc: ''\nd: \"two\\nlines\"\ne: '1:30'\nf: '<<'\ng: true\nh: 8\ni: '# no comment'\n'no': key\n");

        Assert.Equal("a: 'yes'\nb: '010'\nc: ''\nd: \"two\\nlines\"\ne: '1:30'\nf: '<<'\ng: true\nh: 8\ni: '# no comment'\n'no': key\n", (await server.GetAsync("/foo-default.yml")).Body);
    }

    [Fact]
    public async Task A_lone_document_key_is_unwrapped_in_yaml()
    {
        await using var server = new ConfigServer().File("foo.yml", "[a, {b: 1}]");

        Assert.Equal("- a\n- b: 1\n", (await server.GetAsync("/foo-default.yml")).Body);
        Assert.Equal("""{"document":["a",{"b":1}]}""", (await server.GetAsync("/foo-default.json")).Body);
    }

    [Fact]
    public async Task Placeholders_are_filled_from_the_environment_of_the_request_alone()
    {
        Environment.SetEnvironmentVariable("CONFIG_TEST_SECRET", "of-the-server");
        await using var server = new ConfigServer().File("foo.yml",
            "a: ${b}\nb: ${c:none}\nd: ${CONFIG_TEST_SECRET:unknown}\ne: ${CONFIG_TEST_SECRET}\nf: \\${a}\ng: ${x:${y:z}}\nh: ${i}\ni: ${h}\nj: ${n}${n}\nn: 4\nk: ${a\nl: ${k${n}}\nk4: found\no: ${config.repository:}\n");

        Assert.Equal(
            """{"a":"none","b":"none","d":"unknown","e":"${CONFIG_TEST_SECRET}","f":"${a}","g":"z","h":"${i}","i":"${h}","j":"44","k":"${a","k4":"found","l":"found","n":4,"o":""}""",
            (await server.GetAsync("/foo-default.json")).Body);
        Assert.Equal("${b}", (await server.GetAsync("/foo-default.json?resolvePlaceholders=false")).Json["a"]!.GetValue<string>());
        Assert.Contains("\"a\":\"${b}\"", (await server.GetAsync("/foo/default")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Placeholders_cannot_make_a_small_file_large()
    {
        var doubling = "v0: " + new string('x', 100) + "\n" + string.Concat(Enumerable.Range(1, 19).Select(i => $"v{i}: {string.Concat(Enumerable.Repeat($"${{v{i - 1}}}", 10))}\n"));
        await using var server = new ConfigServer().File("foo.yml", doubling).File("t.txt", "${v19}");

        Assert.Equal(500, (await server.GetAsync("/foo-default.json")).Status);
        Assert.Equal(500, (await server.GetAsync("/foo/default/main/t.txt")).Status);
        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
    }

    [Fact]
    public async Task The_name_splits_at_the_last_hyphen_and_needs_one()
    {
        await using var server = new ConfigServer().File("foo-bar.yml", "a: 1\n").File("foo-bar-dev.yml", "a: 2\n");

        Assert.Equal("a: 2\n", (await server.GetAsync("/foo-bar-dev.yml")).Body);
        Assert.Equal("a: 1\n", (await server.GetAsync("/foo-bar-default.yaml")).Body);
        Assert.Equal(404, (await server.GetAsync("/foo.yml")).Status);
        Assert.Equal(404, (await server.GetAsync("/foo-bar-dev.txt")).Status);
        Assert.Equal(404, (await server.GetAsync("/-dev.yml")).Status);
        Assert.Equal(400, (await server.GetAsync("/foo-.yml")).Status);
        Assert.Equal("text/plain; charset=utf-8", (await server.GetAsync("/foo-bar-dev.properties")).ContentType);
    }
}
