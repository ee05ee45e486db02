using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

public sealed class ReservedSettingsTests : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly ConfigurationManager _configuration = new();

    public void Dispose()
    {
        _data.Dispose();
        _configuration.Dispose();
    }

    private ConfigState State(params (string Key, string Value)[] own)
    {
        _configuration.AddInMemoryCollection(own.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)));
        var options = new MeshOptions { Name = "sample" };
        return new ConfigState(_configuration, new ConfigClient(options), new KeptConfiguration(options));
    }

    private static string? Apply(ConfigState state, object source)
    {
        var text = StubConfigServer.Environment(source);
        Assert.True(ConfigEnvironment.TryParse(text, out var environment, out _));
        return state.Apply(text, environment);
    }

    [Theory]
    [InlineData("mesh.secret", "mesh:secret")]
    [InlineData("mesh:secret", "mesh:secret")]
    [InlineData("MESH__SECRET", "MESH__SECRET")]
    [InlineData("MESH:SECRET", "mesh:secret")]
    [InlineData("Mesh.Secret", "mesh:secret")]
    [InlineData("mesh[secret]", "mesh:secret")]
    [InlineData("mesh..secret", "mesh:secret")]
    [InlineData(" mesh.secret ", "mesh:secret")]
    [InlineData("ASPNETCORE_MESH.SECRET", "ASPNETCORE_MESH:SECRET")]
    [InlineData("DOTNET_MESH__SECRET", "DOTNET_MESH__SECRET")]
    [InlineData("${PART:mesh}.${REST:secret}", "mesh:secret")]
    [InlineData("MESH__CLIENTSECRET", "mesh__clientSecret")]
    [InlineData("mesh.client${PART:S}ecret", "mesh:clientSecret")]
    [InlineData("mesh.database", "mesh:database")]
    [InlineData("mesh.credentials", "mesh:credentials")]
    [InlineData("auth.keys.sealingKey", "auth:keys:sealingKey")]
    [InlineData("AUTH.KEYS__sealingKey", "auth:keys__sealingKey")]
    [InlineData("auth.bootstrap.secrets.gateway", "auth:bootstrap:secrets:gateway")]
    [InlineData("GATEWAY__BROWSER.clientSecret", "GATEWAY__BROWSER:clientSecret")]
    public void A_secret_of_the_service_is_filled_into_nothing(string name, string key)
    {
        var state = State((key, "hunter2"));

        // The colon ends a name, so that spelling is found in a nested placeholder only.
        var placeholder = name.Contains(':', StringComparison.Ordinal) && !name.Contains("${", StringComparison.Ordinal)
            ? "${" + "${NOBODY:" + name + "}}"
            : "${" + name + "}";
        Assert.Null(Apply(state, new Dictionary<string, object> { ["url"] = "http://thief.example/?" + placeholder, ["default"] = "${" + name + ":none}" }));

        Assert.Equal("http://thief.example/?" + placeholder, state.Provider.Values["url"]);
        Assert.DoesNotContain(state.Provider.Values.Values, value => value!.Contains("hunter2", StringComparison.Ordinal));
        Assert.NotEmpty(state.Withheld);
    }

    [Fact]
    public void A_secret_is_not_reached_by_way_of_another_value_either()
    {
        var state = State(("mesh:secret", "hunter2"), ("OTHER", "fine"));

        Apply(state, new Dictionary<string, object> { ["a"] = "${b}", ["b"] = "${mesh.secret}", ["c"] = "${OTHER}", ["d"] = "${mesh.secrets:default}" });

        Assert.Equal(("${mesh.secret}", "fine", "default"), (state.Provider.Values["a"], state.Provider.Values["c"], state.Provider.Values["d"]));
        Assert.Equal(["mesh.secret"], state.Withheld);
    }

    [Theory]
    [InlineData("mesh.demo")]
    [InlineData("MESH.Demo")]
    [InlineData("mesh[demo]")]
    [InlineData("mesh:demo")]
    [InlineData("mesh..demo")]
    [InlineData("mesh.name")]
    [InlineData("mesh.data")]
    [InlineData("mesh.secret")]
    [InlineData("mesh.clientSecret")]
    [InlineData("mesh.database")]
    [InlineData("mesh.credentials")]
    [InlineData("mesh.config.url")]
    [InlineData("mesh.config.enabled")]
    [InlineData("auth.keys.sealingKey")]
    [InlineData("auth.bootstrap.secrets.gateway")]
    [InlineData("gateway.browser.clientSecret")]
    public void What_is_the_services_own_cannot_be_set_by_the_server(string key)
    {
        var state = State();

        Assert.Null(Apply(state, new Dictionary<string, object> { [key] = "true", ["mesh.issuer"] = "http://issuer.example", ["mesh.demonstration"] = "x" }));

        Assert.Equal(["mesh:demonstration", "mesh:issuer"], state.Provider.Values.Keys.Order());
        Assert.Equal([ConfigEnvironment.Key(key, out _)], state.Ignored);
    }

    [Fact]
    public async Task A_service_does_not_become_a_demo_because_the_server_says_so_and_warns()
    {
        await using var server = await StubConfigServer.StartAsync(new Dictionary<string, object> { ["mesh.demo"] = true, ["mesh.clientSecret"] = "theirs" });
        server.Holds = true;
        await using var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:config:enabled"] = "true",
            ["mesh:config:url"] = server.Url,
            ["mesh:secret"] = "hunter2",
            ["mesh:data"] = _data.Path,
        });
        var options = service.Services.GetRequiredService<IOptionsMonitor<MeshOptions>>();
        Assert.Equal((false, null), (options.CurrentValue.Demo, options.CurrentValue.ClientSecret));

        // A change that brings nothing else in force is warned about too.
        server.Serve(new Dictionary<string, object> { ["mesh.demo"] = "true", ["mesh.name"] = "other" });
        await service.Logs.HasLineAsync("sets mesh:name");
        server.Serve(new Dictionary<string, object> { ["mesh.auth.url"] = "http://thief.example/${mesh.secret}" });
        await service.Logs.HasLineAsync("names ${mesh.secret}, which is a secret");

        Assert.Equal((false, "sample", "http://thief.example/${mesh.secret}"), (options.CurrentValue.Demo, options.CurrentValue.Name, options.CurrentValue.Auth.Url));
        Assert.Contains(service.Logs, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("sets mesh:demo", StringComparison.Ordinal));
        Assert.DoesNotContain(service.Logs, line => line.Contains("hunter2", StringComparison.Ordinal) || line.Contains("theirs", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_start_warns_of_both()
    {
        await using var server = await StubConfigServer.StartAsync(new Dictionary<string, object> { ["mesh.demo"] = true, ["a"] = "${MESH__SECRET}" });
        var log = new Lines();
        var options = new MeshOptions { Name = "sample", Config = { Url = server.Url } };
        var state = new ConfigState(_configuration, new ConfigClient(options), new KeptConfiguration(options));

        await new ConfigStart(state, options.Config, () => log, TimeProvider.System).LoadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(2, log.Written.Count);
        Assert.Contains(log.Written, line => line.StartsWith("Warning The configuration names ${MESH__SECRET}", StringComparison.Ordinal));
        Assert.Contains(log.Written, line => line.StartsWith("Warning The configuration server sets mesh:demo", StringComparison.Ordinal));
    }

    private sealed class Lines : ILogger
    {
        public ConcurrentQueue<string> Written { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Enqueue($"{logLevel} {formatter(state, exception)}");
    }
}
