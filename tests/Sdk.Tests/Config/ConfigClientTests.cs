using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

public sealed class ConfigClientTests : IDisposable
{
    private readonly TemporaryFolder _data = new();

    public void Dispose() => _data.Dispose();

    private Dictionary<string, string> Settings(string url, params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string>
        {
            ["mesh:config:enabled"] = "true",
            ["mesh:config:url"] = url,
            ["mesh:config:fallbackAfter"] = "200ms",
            ["mesh:secret"] = "s3cret:with colon",
            ["mesh:data"] = _data.Path,
        };
        foreach (var (key, value) in more) settings[key] = value;
        return settings;
    }

    private Task<Service> StartAsync(StubConfigServer server, Action<WebApplicationBuilder>? configure = null, params (string Key, string Value)[] more) =>
        Service.StartAsync(_ => { }, Settings(server.Url, more), configure);

    [Fact]
    public async Task The_environment_is_asked_for_by_name_profile_and_label_with_the_services_own_secret()
    {
        await using var server = await StubConfigServer.StartAsync(new { a = 1 });

        await using var service = await StartAsync(server, null, ("mesh:config:profile", "dev,mysql"), ("mesh:config:label", "feature/x"));

        var request = await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("/sample/dev,mysql/feature(_)x", request.Path);
        Assert.Equal("Basic c2FtcGxlOnMzY3JldDp3aXRoIGNvbG9u", request.Authorization);
        Assert.Equal(("", ""), (request.IfNoneMatch, request.Prefer));
    }

    [Fact]
    public async Task User_info_of_the_url_is_the_credential_and_is_never_shown()
    {
        await using var server = await StubConfigServer.StartAsync(new { a = 1 });
        var url = server.Url.Replace("http://", "http://someone:p%40ss@", StringComparison.Ordinal);

        await using var service = await Service.StartAsync(_ => { }, Settings(url, ("mesh:health:details", "true")));

        var request = await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal("Basic c29tZW9uZTpwQHNz", request.Authorization);
        var health = await service.GetAsync("/actuator/health");
        Assert.Contains(server.Url, health.Body);
        Assert.DoesNotContain("p%40ss", health.Body);
        Assert.DoesNotContain(service.Logs, line => line.Contains("p%40ss", StringComparison.Ordinal) || line.Contains("p@ss", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_become_dotnet_keys_values_become_invariant_text_and_the_first_source_wins()
    {
        await using var server = await StubConfigServer.StartAsync(
            new Dictionary<string, object?> { ["a.b[0].c"] = "first", ["on"] = true, ["rate"] = 1.5, ["none"] = null, ["map[x.y].z"] = 7 },
            new Dictionary<string, object?> { ["a.b[0].c"] = "second", ["other"] = "shared", ["v2"] = new { value = "wrapped", origin = "3:5" } });

        await using var service = await StartAsync(server);

        var configuration = service.Services.GetRequiredService<IConfiguration>();
        Assert.Equal("first", configuration["a:b:0:c"]);
        Assert.Equal("true", configuration["on"]);
        Assert.Equal("1.5", configuration["rate"]);
        Assert.Equal("", configuration["none"]);
        Assert.Equal("7", configuration["map:x.y:z"]);
        Assert.Equal("shared", configuration["other"]);
        Assert.Equal("wrapped", configuration["v2"]);
    }

    [Fact]
    public async Task A_list_of_a_stronger_source_replaces_the_weaker_one_as_a_whole()
    {
        await using var server = await StubConfigServer.StartAsync(
            new Dictionary<string, object?> { ["route.scopes[0]"] = "ui", ["empty"] = "" },
            new Dictionary<string, object?> { ["route.scopes[0]"] = "server", ["route.scopes[1]"] = "admin", ["route.path"] = "/x", ["empty[0]"] = "gone" });

        await using var service = await StartAsync(server);

        var configuration = service.Services.GetRequiredService<IConfiguration>();
        Assert.Equal(["ui"], configuration.GetSection("route:scopes").GetChildren().Select(child => child.Value));
        Assert.Equal("/x", configuration["route:path"]);
        Assert.Empty(configuration.GetSection("empty").GetChildren());
    }

    [Fact]
    public async Task Environment_and_command_line_win_over_the_server_which_wins_over_the_services_files()
    {
        await using var server = await StubConfigServer.StartAsync(new { fromFile = "server", fromCli = "server", SDKTEST_ENV = "server", fromServer = "server" });
        using var content = new TemporaryFolder();
        content.Write("appsettings.json", """{"fromFile":"file","onlyFile":"file","fromCli":"file"}""");
        Environment.SetEnvironmentVariable("SDKTEST_ENV", "environment");
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ContentRootPath = content.Path,
            Args = ["--fromCli=cli", .. Settings(server.Url, ("mesh:registry:enabled", "false")).Select(pair => $"--{pair.Key}={pair.Value}")],
        });

        builder.AddSecureMesh("sample");

        Assert.Equal("server", builder.Configuration["fromServer"]);
        Assert.Equal("server", builder.Configuration["fromFile"]);
        Assert.Equal("file", builder.Configuration["onlyFile"]);
        Assert.Equal("cli", builder.Configuration["fromCli"]);
        Assert.Equal("environment", builder.Configuration["SDKTEST_ENV"]);
        await using var app = builder.Build();
        Assert.Equal("server", app.Configuration["fromFile"]);
        Assert.Equal("environment", app.Configuration["SDKTEST_ENV"]);
    }

    [Fact]
    public async Task Placeholders_are_filled_from_the_services_own_environment_and_unknown_ones_are_named_without_a_value()
    {
        Environment.SetEnvironmentVariable("SDKTEST_URL", "http://localhost:9");
        await using var server = await StubConfigServer.StartAsync(new Dictionary<string, object?>
        {
            ["issuer"] = "${SDKTEST_URL:http://other}/uaa",
            ["missing"] = "x ${SDKTEST_NOBODY} y",
        });

        await using var service = await StartAsync(server);

        var configuration = service.Services.GetRequiredService<IConfiguration>();
        Assert.Equal("http://localhost:9/uaa", configuration["issuer"]);
        Assert.Equal("x ${SDKTEST_NOBODY} y", configuration["missing"]);
    }

    [Fact]
    public async Task V_115_the_text_of_an_expression_stays_text_and_nobody_is_asked_for_what_it_names()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString();
        // Of placeholders what stands behind the first colon is a default, as in Spring, and never the name of a resolver.
        (string Served, string Read)[] values =
        [
            ("#{T(java.lang.Runtime).getRuntime().exec('id')}", "#{T(java.lang.Runtime).getRuntime().exec('id')}"),
            ("#{systemProperties['user.dir']}", "#{systemProperties['user.dir']}"),
            ("T(java.lang.Runtime)", "T(java.lang.Runtime)"),
            ("${7*7}", "${7*7}"),
            ("${{7*7}}", "${{7*7}}"),
            ("{{7*7}} %{7*7} $(id) `id`", "{{7*7}} %{7*7} $(id) `id`"),
            ("${script:javascript:7*7}", "javascript:7*7"),
            ("${env:PATH}", "PATH"),
            ("${file:UTF-8:/etc/passwd}", "UTF-8:/etc/passwd"),
            ($"${{jndi:ldap://{address}/x}}", $"ldap://{address}/x"),
            ($"${{url:UTF-8:http://{address}/x}}", $"UTF-8:http://{address}/x"),
        ];
        await using var server = await StubConfigServer.StartAsync(values.Select((value, number) => (value, number)).ToDictionary(entry => "text" + entry.number, entry => (object?)entry.value.Served));

        await using var service = await StartAsync(server);

        var configuration = service.Services.GetRequiredService<IConfiguration>();
        for (var i = 0; i < values.Length; i++) Assert.Equal(values[i].Read, configuration["text" + i]);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task Durations_with_units_bind_to_options_of_the_service()
    {
        await using var server = await StubConfigServer.StartAsync(new Dictionary<string, object?> { ["mesh.registry.renewalInterval"] = "1500ms", ["mesh.registry.leaseDuration"] = "00:00:20" });

        await using var service = await StartAsync(server);

        var options = service.Services.GetRequiredService<IOptions<MeshOptions>>().Value;
        Assert.Equal(TimeSpan.FromMilliseconds(1500), options.Registry.RenewalInterval);
        Assert.Equal(TimeSpan.FromSeconds(20), options.Registry.LeaseDuration);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public async Task A_change_is_in_force_by_itself(bool tags, bool holds)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        (server.Tags, server.Holds) = (tags, holds);
        await using var service = await StartAsync(server, builder => builder.Services.AddOptions<Greeting>().BindConfiguration(""));
        var options = service.Services.GetRequiredService<IOptionsMonitor<Greeting>>();
        Assert.Equal("old", options.CurrentValue.Text);

        server.Serve(new { greeting = "new" });
        await service.Services.GetRequiredService<IConfiguration>().HasAsync("greeting", "new");

        // Who watches the options is told after those who read the configuration.
        await Until.TrueAsync(() => Task.FromResult(options.CurrentValue.Text == "new"));
    }

    [Fact]
    public async Task A_server_that_holds_requests_is_not_polled()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        await using var service = await StartAsync(server);
        var requests = server.Requests.Reader;
        await requests.ReadAsync(TestContext.Current.CancellationToken);
        var held = await requests.ReadAsync(TestContext.Current.CancellationToken);

        server.Serve(new { greeting = "new" });
        await service.Services.GetRequiredService<IConfiguration>().HasAsync("greeting", "new");
        var next = await requests.ReadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(("\"v0\"", "wait=30"), (held.IfNoneMatch, held.Prefer));
        Assert.Equal(("\"v1\"", "wait=30"), (next.IfNoneMatch, next.Prefer));
        Assert.False(requests.TryRead(out _));
    }

    [Fact]
    public async Task After_a_restart_of_the_server_a_change_is_in_force_within_two_seconds()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        await using var service = await StartAsync(server, null, ("mesh:health:details", "true"));
        var configuration = service.Services.GetRequiredService<IConfiguration>();
        await server.StopAsync();
        await service.Logs.HasLineAsync("the configuration in force stays");
        var down = await service.GetAsync("/actuator/health");

        server.Serve(new { greeting = "new" });
        await server.RestartAsync();
        await configuration.HasAsync("greeting", "new");

        Assert.Equal(200, down.Status);
        Assert.Equal("UNKNOWN", down.Json.GetProperty("components").GetProperty("config").GetProperty("status").GetString());
        Assert.Matches("cannot be reached|the connection broke", down.Json.GetProperty("components").GetProperty("config").GetProperty("details").GetProperty("error").GetString());
        var up = await service.GetAsync("/actuator/health");
        Assert.Equal("UP", up.Json.GetProperty("components").GetProperty("config").GetProperty("status").GetString());
    }

    [Fact]
    public async Task After_a_restart_of_the_server_health_is_good_again_at_once_also_when_nothing_changed()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        await using var service = await StartAsync(server, null, ("mesh:health:details", "true"));
        await server.StopAsync();
        await service.Logs.HasLineAsync("the configuration in force stays");

        await server.RestartAsync();
        await service.Logs.HasLineAsync("answers again");

        var health = await service.GetAsync("/actuator/health");
        Assert.Equal("UP", health.Json.GetProperty("components").GetProperty("config").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"propertySources":{}}""")]
    [InlineData("""{"propertySources":[{"name":"x","source":[]}]}""")]
    [InlineData("""{"propertySources":[{"name":"x","source":{"greeting":"ne""")]
    public async Task A_broken_answer_leaves_the_configuration_in_force(string broken)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        await using var service = await StartAsync(server);
        var configuration = service.Services.GetRequiredService<IConfiguration>();

        server.ServeText(broken);
        await service.Logs.HasLineAsync("the configuration in force stays");

        Assert.Equal("old", configuration["greeting"]);
        server.Serve(new { greeting = "new" });
        await configuration.HasAsync("greeting", "new");
    }

    [Fact]
    public async Task Values_that_the_service_refuses_are_taken_back_as_a_whole()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "good", other = "1" });
        server.Holds = true;
        await using var service = await StartAsync(server, builder => builder.Services.AddOptions<Greeting>().BindConfiguration("")
            .Validate(greeting => greeting.Text.StartsWith("good", StringComparison.Ordinal), "greeting must be good"), ("mesh:health:details", "true"));
        var configuration = service.Services.GetRequiredService<IConfiguration>();
        var options = service.Services.GetRequiredService<IOptionsMonitor<Greeting>>();
        Assert.Equal("good", options.CurrentValue.Text);

        server.Serve(new { greeting = "bad", other = "2" });
        await service.Logs.HasLineAsync("was refused");

        Assert.Equal(("good", "1", "good"), (configuration["greeting"], configuration["other"], options.CurrentValue.Text));
        Assert.Contains(service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("stays in force: greeting must be good", StringComparison.Ordinal));
        var health = (await service.GetAsync("/actuator/health")).Json.GetProperty("components").GetProperty("config");
        Assert.Equal(("UNKNOWN", "the newest configuration was refused"), (health.GetProperty("status").GetString(), health.GetProperty("details").GetProperty("error").GetString()));
        server.Serve(new { greeting = "good again", other = "3" });
        await configuration.HasAsync("other", "3");
        Assert.Equal("good again", options.CurrentValue.Text);
    }

    [Theory]
    [InlineData("""{"greeting":"bad","other":"2"}""", "greeting must be good")]
    [InlineData("""{"greeting":"good","other":"2","times":"many"}""", "Failed to convert configuration value 'many' at 'Times'")]
    public async Task Options_that_do_not_validate_are_never_in_force_not_for_a_moment(string values, string why)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "good", other = "1" });
        server.Holds = true;
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        await using var service = await StartAsync(server, builder => builder.Services.AddOptions<Greeting>().BindConfiguration("")
            .Validate(greeting => greeting.Text.StartsWith("good", StringComparison.Ordinal), "greeting must be good"));
        var configuration = service.Services.GetRequiredService<IConfiguration>();
        Assert.Equal("good", service.Services.GetRequiredService<IOptionsMonitor<Greeting>>().CurrentValue.Text); // which would take it back
        using var watch = Microsoft.Extensions.Primitives.ChangeToken.OnChange(configuration.GetReloadToken, () => seen.Enqueue(configuration["other"]));

        server.Serve(System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, string>>(values)!);
        await service.Logs.HasLineAsync("stays in force: " + why);
        server.Serve(new { greeting = "good again", other = "3" });
        await configuration.HasAsync("other", "3");

        Assert.DoesNotContain("2", seen);
    }

    [Fact]
    public async Task Options_are_judged_with_others_as_they_would_be_and_what_was_wrong_before_stops_no_change()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "good", other = "1", times = "many" });
        server.Holds = true;
        await using var service = await StartAsync(server, builder =>
        {
            builder.Services.AddOptions<Greeting>().BindConfiguration(""); // nobody reads it
            builder.Services.AddOptions<Other>().BindConfiguration("");
            builder.Services.AddOptions<Echo>().BindConfiguration("").Validate<IOptions<Other>>((echo, other) => echo.Greeting != other.Value.Text, "two that are the same");
        });
        var configuration = service.Services.GetRequiredService<IConfiguration>();

        server.Serve(new { greeting = "2", other = "2", times = "many" });
        await service.Logs.HasLineAsync("stays in force: two that are the same");
        server.Serve(new { greeting = "1", other = "2", times = "many" });
        await configuration.HasAsync("greeting", "1");
    }

    private sealed class Other
    {
        [ConfigurationKeyName("other")]
        public string Text { get; set; } = "";
    }

    private sealed class Echo
    {
        public string Greeting { get; set; } = "";
    }

    [Fact]
    public async Task What_only_a_watcher_refuses_is_taken_back_as_a_whole()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "good", other = "1" });
        server.Holds = true;
        await using var service = await StartAsync(server, _ => { });
        var configuration = service.Services.GetRequiredService<IConfiguration>();
        using var watch = Microsoft.Extensions.Primitives.ChangeToken.OnChange(configuration.GetReloadToken, () =>
        {
            if (configuration["greeting"] == "bad") throw new InvalidOperationException("no bad greeting here");
        });

        server.Serve(new { greeting = "bad", other = "2" });
        await service.Logs.HasLineAsync("stays in force: no bad greeting here");

        Assert.Equal(("good", "1"), (configuration["greeting"], configuration["other"]));
    }

    [Fact]
    public async Task What_a_part_of_the_service_finds_wrong_is_never_in_force_not_for_a_moment()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "good", other = "1" });
        server.Holds = true;
        var (check, seen) = (new GreetingCheck(), new System.Collections.Concurrent.ConcurrentQueue<string?>());
        await using var service = await StartAsync(server, builder => builder.Services.AddSingleton<IConfigurationCheck>(check), ("own", "mine"));
        var configuration = service.Services.GetRequiredService<IConfiguration>();
        using var watch = Microsoft.Extensions.Primitives.ChangeToken.OnChange(configuration.GetReloadToken, () => seen.Enqueue(configuration["other"]));

        server.Serve(new { greeting = "bad", other = "2", own = "theirs" });
        await service.Logs.HasLineAsync("stays in force: greeting must be good, not bad.");
        Assert.Equal(("good", "1"), (configuration["greeting"], configuration["other"]));
        Assert.Equal("mine", check.Own); // judged with what stands above it
        server.Serve(new { greeting = "throws", other = "3" });
        await service.Logs.HasLineAsync("GreetingCheck cannot read it: no greeting");
        Assert.Equal("1", configuration["other"]);
        Assert.DoesNotContain(seen, other => other != "1");

        // Put back as it was: nothing changes, and the part hears that nothing is wrong any more.
        server.Serve(new { greeting = "good", other = "1" });
        await Until.TrueAsync(() => Task.FromResult(check.Last == "good"));
        server.Serve(new { greeting = "good again", other = "4" });
        await configuration.HasAsync("other", "4");
    }

    private sealed class GreetingCheck : IConfigurationCheck
    {
        public string? Own { get; private set; }

        public string? Last { get; private set; }

        public IReadOnlyList<string> Faults(IConfiguration configuration)
        {
            (Own, Last) = (configuration["own"], configuration["greeting"]);
            if (Last == "throws") throw new InvalidOperationException("no greeting");
            return Last!.StartsWith("good", StringComparison.Ordinal) ? [] : [$"greeting must be good, not {Last}."];
        }
    }

    [Fact]
    public async Task A_redirect_is_not_followed_with_the_secret()
    {
        await using var thief = await StubConfigServer.StartAsync(new { greeting = "stolen" });
        await using var server = await StubConfigServer.StartAsync(new { greeting = "true" });
        (server.Status, server.Location) = (302, thief.Url + "/sample/default");
        var start = Task.Run(() => StartAsync(server));
        await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);
        await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

        (server.Status, server.Location) = (null, null);
        await using var service = await start;

        Assert.Equal("true", service.Services.GetRequiredService<IConfiguration>()["greeting"]);
        Assert.False(thief.Requests.Reader.TryRead(out _));
    }

    internal sealed class Greeting
    {
        [ConfigurationKeyName("greeting")]
        public string Text { get; set; } = "";

        public int Times { get; set; }
    }
}
