using System.Text.Json;

namespace SecureMesh.Config.Tests;

/// <summary>From files to flat keys.</summary>
public sealed class FlatteningTests
{
    private static async Task<string> FlatAsync(string yaml)
    {
        await using var server = new ConfigServer().File("foo.yml", yaml);
        var answer = await server.GetAsync("/foo/default");
        Assert.True(answer.Status == 200, answer.Body);
        return answer.Source();
    }

    [Theory]
    [InlineData("a: {b: {c: 1}}", """{"a.b.c":1}""")]
    [InlineData("a: [x, y]", """{"a[0]":"x","a[1]":"y"}""")]
    [InlineData("a: [{n: 1}, {n: 2}]", """{"a[0].n":1,"a[1].n":2}""")]
    [InlineData("a: [[1, 2], [3]]", """{"a[0][0]":1,"a[0][1]":2,"a[1][0]":3}""")]
    [InlineData("map: {\"[a.b]\": 1}", """{"map[a.b]":1}""")]
    [InlineData("map: {8080: x, true: y}", """{"map[8080]":"x","map[true]":"y"}""")]
    [InlineData("\"8080\": x", """{"8080":"x"}""")]
    [InlineData("a: []", """{"a":""}""")]
    [InlineData("a: null\nb: ~\nc:\n", """{"a":"","b":"","c":""}""")]
    [InlineData("a: {}\nb: 1", """{"b":1}""")]
    [InlineData("just text", """{"document":"just text"}""")]
    [InlineData("[a, b]", """{"document[0]":"a","document[1]":"b"}""")]
    [InlineData("a: 2001-12-14", """{"a":"2001-12-14"}""")]
    [InlineData("a: 2001-12-14t21:59:43.10-05:00", """{"a":"2001-12-14t21:59:43.10-05:00"}""")]
    [InlineData("a: yes\nb: NO\nc: On\nd: off\ne: y\nf: tRue", """{"a":true,"b":false,"c":true,"d":false,"e":"y","f":"tRue"}""")]
    [InlineData("a: 010\nb: 1:30\nc: 0x1F\nd: 1_000\ne: 0b101\nf: 08", """{"a":8,"b":90,"c":31,"d":1000,"e":5,"f":"08"}""")]
    [InlineData("a: -12\nb: +7\nc: 99999999999999999999", """{"a":-12,"b":7,"c":99999999999999999999}""")]
    [InlineData("a: 1.5\nb: 1.0\nc: 1e10\nd: .5\ne: -1.5e-7\nf: 1:30.5\ng: 0.001", """{"a":1.5,"b":1.0,"c":1.0E10,"d":0.5,"e":-1.5E-7,"f":90.5,"g":0.001}""")]
    [InlineData("a: .inf\nb: -.INF\nc: .nan", """{"a":"Infinity","b":"-Infinity","c":"NaN"}""")]
    [InlineData("a: \"010\"\nb: 'yes'\nc: ! 12\nd: !!str 12", """{"a":"010","b":"yes","c":"12","d":"12"}""")]
    [InlineData("a: !!int \"12\"\nb: !!float 3\nc: !!bool \"yes\"\nd: !!null x", """{"a":12,"b":3.0,"c":true,"d":""}""")]
    [InlineData("a: &x {b: 1}\nc: *x", """{"a.b":1,"c.b":1}""")]
    [InlineData("base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}", """{"base.x":1,"base.y":2,"c.y":3,"c.x":1}""")]
    [InlineData("c: {<<: [{x: 1}, {x: 2, z: 3}]}", """{"c.x":1,"c.z":3}""")]
    [InlineData("a: |\n  one\n  two\nb: >\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\\n\"}")]
    [InlineData("a.b: 1\na: {c: 2}", """{"a.b":1,"a.c":2}""")]
    [InlineData("a: ${X:1}", """{"a":"${X:1}"}""")]
    [InlineData("\uFEFFa: 1", """{"a":1}""")]
    public async Task Yaml_becomes_flat_keys(string yaml, string flat)
    {
        Assert.Equal(JsonSerializer.Serialize(JsonDocument.Parse(flat)), JsonSerializer.Serialize(JsonDocument.Parse(await FlatAsync(yaml))));
    }

    [Fact]
    public async Task A_file_of_comments_alone_is_no_source()
    {
        await using var server = new ConfigServer().File("foo.yml", "# nothing\n").File("application.yml", "");

        Assert.Empty((await server.GetAsync("/foo/default")).Sources);
    }

    [Theory]
    [InlineData("a: 1\na: 2", "line 2, column 1: duplicate key 'a'")]
    [InlineData("a: !custom 1", "line 1, column 4: the tag '!custom' is not supported")]
    [InlineData("a: !!java/object 1", "line 1, column 4: the tag 'tag:yaml.org,2002:java/object' is not supported")]
    [InlineData("a: !!int x", "line 1, column 4: the value does not fit its tag 'tag:yaml.org,2002:int'")]
    [InlineData("a: *gone", "line 1, column 4: no anchor 'gone' before this alias")]
    [InlineData("a: &x [*x]", "line 1, column 8: no anchor 'x' before this alias")]
    [InlineData("a: {<<: 1}", "line 1, column 9: '<<' needs a map or a list of maps")]
    [InlineData("[a]: 1", "line 1, column 1: a list or map cannot be a key")]
    [InlineData("a: [1", null)]
    [InlineData("a: 'open", null)]
    [InlineData("a: b: c", null)]
    [InlineData("a:\n\tb: 1", null)]
    [InlineData("a: 1\nb: \u0001", "line 2, column 4: a control character")]
    public async Task Yaml_that_means_nothing_is_an_error_that_says_where(string yaml, string? message)
    {
        await using var server = new ConfigServer().File("foo.yml", yaml);

        var answer = await server.GetAsync("/foo/default");

        Assert.Equal(500, answer.Status);
        var said = answer.Json["message"]!.GetValue<string>();
        if (message is not null) Assert.Equal("foo.yml: " + message, said);
        else Assert.Matches("^foo\\.yml: line [0-9]+, column [0-9]+: .+", said);
    }

    [Fact]
    public async Task A_small_file_cannot_become_a_large_answer()
    {
        var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Concat(Enumerable.Range(1, 12).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        var scalars = "a: &a " + new string('x', 100_000) + "\nb:\n" + string.Concat(Enumerable.Repeat("- *a\n", 2000));
        var chain = "a0: &a0 x\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} {string.Concat(Enumerable.Repeat("[", 90))}*a{i - 1}{string.Concat(Enumerable.Repeat("]", 90))}\n"));
        await using var server = new ConfigServer().File("laughs.yml", laughs).File("scalars.yml", scalars).File("chain.yml", chain)
            .File("deep.yml", "a: " + new string('[', 100_000)).File("bytes.yml", "a: 1\n");
        await System.IO.File.WriteAllBytesAsync(Path.Combine(server.Folder.Path, "bytes.yml"), [0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a], TestContext.Current.CancellationToken);

        foreach (var name in new[] { "laughs", "scalars", "chain", "deep", "bytes" })
            Assert.Equal(500, (await server.GetAsync($"/{name}/default")).Status);
        Assert.Equal(200, (await server.GetAsync("/other/default")).Status);
    }

    [Fact]
    public async Task Properties_are_read_as_java_reads_them()
    {
        await using var server = new ConfigServer();
        await System.IO.File.WriteAllBytesAsync(Path.Combine(server.Folder.Path, "foo.properties"), System.Text.Encoding.Latin1.GetBytes(
            "# comment\n! comment\n\n  a = 1  \nb:two\nc three\nlong = one, \\\n    two\nk\\ e\\:y=v\nu=\\u00e4\u00f6\ntab=a\\tb\nempty\nlist[]=x, y\nb=again\r\nyes=yes\n"), TestContext.Current.CancellationToken);

        Assert.Equal(
            """{"a":"1  ","b":"again","c":"three","long":"one, two","k e:y":"v","u":"\u00E4\u00F6","tab":"a\tb","empty":"","list[0]":"x","list[1]":"y","yes":"yes"}""",
            (await server.GetAsync("/foo/default")).Source());
    }

    [Fact]
    public async Task Properties_split_at_their_own_separator_and_a_broken_escape_is_an_error()
    {
        await using var server = new ConfigServer().File("foo.properties", "a=1\n#---\nspring.config.activate.on-profile=dev\na=2\n!---\na=3\n").File("bad.properties", "a=\\u12\n");

        Assert.Equal(["foo.properties (document #2)", "foo.properties (document #0)"], (await server.GetAsync("/foo/default")).Sources);
        Assert.Equal(["foo.properties (document #2)", "foo.properties (document #1)", "foo.properties (document #0)"], (await server.GetAsync("/foo/dev")).Sources);
        Assert.Equal("bad.properties: line 1, column 5: \\u needs four hexadecimal digits", (await server.GetAsync("/bad/dev")).Json["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task Xml_expands_no_entity_and_opens_nothing()
    {
        await using var server = new ConfigServer()
            .File("foo.xml", """<!DOCTYPE properties [<!ENTITY e SYSTEM "file:///etc/passwd">]><properties><entry key="a">&e;</entry></properties>""")
            .File("bar.xml", "<other/>");

        Assert.Equal(500, (await server.GetAsync("/foo/default")).Status);
        Assert.Equal(500, (await server.GetAsync("/bar/default")).Status);
    }
}
