namespace SecureMesh.Config.Tests;

/// <summary>Which files answer, and in which order.</summary>
public sealed class PrecedenceTests
{
    [Fact]
    public async Task Every_step_of_the_table_in_its_place()
    {
        await using var server = new ConfigServer().With("config:overrides:by", "overrides");
        foreach (var name in new[] { "foo-mysql", "application-mysql", "foo-dev", "application-dev", "foo", "application", "foo-default", "other", "application-other" })
            server.File(name + ".yml", $"by: {name}\n");

        Assert.Equal(["overrides", "foo-mysql.yml", "application-mysql.yml", "foo-dev.yml", "application-dev.yml", "foo.yml", "application.yml"], (await server.GetAsync("/foo/dev,mysql")).Sources);
        Assert.Equal(["overrides", "foo-default.yml", "foo.yml", "application.yml"], (await server.GetAsync("/foo/default")).Sources);
        Assert.Equal("""{"by":"overrides"}""", (await server.GetAsync("/foo-dev.json")).Body);
    }

    [Fact]
    public async Task Of_one_name_properties_come_before_xml_before_yml_before_yaml()
    {
        await using var server = new ConfigServer().File("foo.yaml", "by: yaml\n").File("foo.yml", "by: yml\n").File("foo.properties", "by=properties\n")
            .File("foo.xml", """<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd"><properties><entry key="by">xml</entry></properties>""");

        var answer = await server.GetAsync("/foo/default");

        Assert.Equal(["foo.properties", "foo.xml", "foo.yml", "foo.yaml"], answer.Sources);
        Assert.Equal("""{"by":"xml"}""", answer.Source(1));
    }

    [Fact]
    public async Task Of_several_applications_the_last_wins_and_application_itself_has_only_its_own_files()
    {
        await using var server = new ConfigServer().File("a.yml", "x: 1\n").File("b.yml", "x: 2\n").File("application.yml", "x: 3\n");

        Assert.Equal(["b.yml", "a.yml", "application.yml"], (await server.GetAsync("/a,b/default")).Sources);
        Assert.Equal(["application.yml"], (await server.GetAsync("/application/default")).Sources);
    }

    [Fact]
    public async Task Later_locations_win_within_a_profile_and_profile_files_outrank_all_plain_files()
    {
        await using var server = new ConfigServer().With("config:searchPaths:0", "one").With("config:searchPaths:1", "two-{application}").With("config:searchPaths:2", "many/*")
            .File("foo.yml", "x: 1\n").File("foo-dev.yml", "x: 1\n").File("one/foo.yml", "x: 1\n").File("one/application-dev.yml", "x: 1\n")
            .File("two-foo/foo.yml", "x: 1\n").File("many/a/foo.yml", "x: 1\n").File("many/b/foo.yml", "x: 1\n").File("elsewhere/foo.yml", "x: 1\n");

        Assert.Equal(["one/application-dev.yml", "foo-dev.yml", "many/b/foo.yml", "many/a/foo.yml", "two-foo/foo.yml", "one/foo.yml", "foo.yml"], (await server.GetAsync("/foo/dev")).Sources);
    }

    [Fact]
    public async Task A_label_of_a_folder_is_a_subfolder_that_wins_and_an_unknown_one_is_no_error()
    {
        await using var server = new ConfigServer().File("foo.yml", "x: 1\n").File("v2/foo.yml", "x: 2\n").File("master/foo.yml", "x: 0\n").File("release/1/foo.yml", "x: 3\n");

        Assert.Equal(["v2/foo.yml", "foo.yml"], (await server.GetAsync("/foo/default/v2")).Sources);
        Assert.Equal(["release/1/foo.yml", "foo.yml"], (await server.GetAsync("/foo/default/release(_)1")).Sources);
        Assert.Equal(["master/foo.yml", "foo.yml"], (await server.GetAsync("/foo/default")).Sources);
        Assert.Equal(["foo.yml"], (await server.GetAsync("/foo/default/none")).Sources);
        Assert.Equal(["v2/foo.yml", "release/1/foo.yml", "foo.yml"], (await server.GetAsync("/foo/default/v2,release(_)1")).Sources);
    }

    [Fact]
    public async Task Later_documents_of_a_file_win_and_each_active_one_is_its_own_source_at_the_rank_of_its_file()
    {
        await using var server = new ConfigServer()
            .File("foo.yml", "x: first\n---\nspring.config.activate.on-profile: dev\nx: for dev\n---\nspring.config.activate.on-profile: prod\nx: for prod\n")
            .File("application-dev.yml", "x: 1\n");

        var dev = await server.GetAsync("/foo/dev");

        Assert.Equal(["application-dev.yml", "foo.yml (document #1)", "foo.yml (document #0)"], dev.Sources);
        Assert.Equal("""{"spring.config.activate.on-profile":"dev","x":"for dev"}""", dev.Source(1));
        Assert.Equal(["foo.yml (document #0)"], (await server.GetAsync("/foo/default")).Sources);
        Assert.Equal(["foo.yml (document #2)", "foo.yml (document #0)"], (await server.GetAsync("/foo/prod")).Sources);
    }

    [Theory]
    [InlineData("dev", "dev", true)]
    [InlineData("dev", "prod", false)]
    [InlineData("\"!dev\"", "prod", true)]
    [InlineData("\"!dev\"", "dev", false)]
    [InlineData("dev & mysql", "dev,mysql", true)]
    [InlineData("dev & mysql", "dev", false)]
    [InlineData("dev | mysql", "mysql", true)]
    [InlineData("(dev | test) & !mysql", "test", true)]
    [InlineData("(dev | test) & !mysql", "test,mysql", false)]
    [InlineData("[dev, test]", "test", true)]
    [InlineData("dev, test", "test", true)]
    [InlineData("[]", "dev", false)]
    public async Task A_document_is_for_the_profiles_of_its_condition(string condition, string profiles, bool active)
    {
        await using var server = new ConfigServer().File("foo.yml", $"spring:\n  config:\n    activate:\n      on-profile: {condition}\nx: 1\n");

        Assert.Equal(active ? ["foo.yml"] : [], (await server.GetAsync("/foo/" + profiles)).Sources);
    }

    [Theory]
    [InlineData("foo.yml", "spring.config.activate.on-profile: a & b | c\n")]
    [InlineData("foo.yml", "spring.config.activate.on-profile: (a\n")]
    [InlineData("foo.yml", "spring.profiles: dev\n")]
    [InlineData("foo.properties", "spring.profiles=dev\n")]
    [InlineData("foo-dev.yml", "spring.profiles.active: x\n")]
    [InlineData("foo-dev.yml", "spring:\n  profiles:\n    include: [x]\n")]
    [InlineData("foo-dev.properties", "spring.profiles.default=x\n")]
    public async Task Conditions_that_nobody_can_mean_are_an_error_of_the_file(string file, string content)
    {
        await using var server = new ConfigServer().File(file, content);

        var answer = await server.GetAsync("/foo/dev");

        Assert.Equal(500, answer.Status);
        Assert.StartsWith(file + ": ", answer.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_condition_in_a_profile_file_is_allowed()
    {
        await using var server = new ConfigServer().File("foo-dev.yml", "spring.config.activate.on-profile: mysql\nx: 1\n");

        Assert.Empty((await server.GetAsync("/foo/dev")).Sources);
        Assert.Equal(["foo-dev.yml"], (await server.GetAsync("/foo/dev,mysql")).Sources);
    }

    [Fact]
    public async Task Strict_servers_answer_404_for_an_application_of_which_nothing_is_known()
    {
        await using var server = new ConfigServer().With("config:acceptEmpty", "false").File("foo.yml", "x: 1\n");

        Assert.Equal(200, (await server.GetAsync("/foo/default")).Status);
        var answer = await server.GetAsync("/bar/default");
        Assert.Equal(404, answer.Status);
        Assert.Equal("Application Not Found", answer.Json["message"]!.GetValue<string>());
    }

    [Fact]
    public async Task Overrides_lose_the_backslash_that_hid_their_placeholder()
    {
        await using var server = new ConfigServer().With("config:overrides:home", "\\${HOME}");

        Assert.Equal("""{"home":"${HOME}"}""", (await server.GetAsync("/foo/default")).Source());
    }
}
