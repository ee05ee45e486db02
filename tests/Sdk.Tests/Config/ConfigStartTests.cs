using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Config;

public sealed class ConfigStartTests : IDisposable
{
    private readonly TemporaryFolder _data = new();
    private readonly Lines _log = new();
    private readonly ConfigurationManager _configuration = new();

    private string KeptFile => Path.Combine(_data.Path, "configuration.json");

    public void Dispose()
    {
        _data.Dispose();
        _configuration.Dispose();
    }

    private MeshOptions Options(string url, TimeSpan? fallbackAfter = null) => new()
    {
        Name = "sample",
        Secret = "s3cret",
        Data = _data.Path,
        Config = { Url = url, FallbackAfter = fallbackAfter ?? TimeSpan.Zero },
    };

    private ConfigStart Start(MeshOptions options, out ConfigState state)
    {
        state = new ConfigState(_configuration, new ConfigClient(options), new KeptConfiguration(options));
        return new ConfigStart(state, options.Config, () => _log, TimeProvider.System);
    }

    private void Keep(string environment, string name = "sample")
    {
        var options = Options("http://127.0.0.1:1");
        options.Name = name;
        new KeptConfiguration(options).Write(environment, DateTimeOffset.UnixEpoch);
    }

    [Fact]
    public async Task Without_the_server_it_waits_and_says_so_and_starts_when_the_server_comes()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "hello" });
        await server.StopAsync();
        var loading = Start(Options(server.Url), out var state).LoadAsync(TestContext.Current.CancellationToken);
        await _log.Written.HasLineAsync("Waiting");

        Assert.False(loading.IsCompleted);
        await server.RestartAsync();
        await loading;

        Assert.Equal(("hello", null), (state.Provider.Values["greeting"], state.Fault));
        Assert.StartsWith($"Warning Waiting for the configuration server at {server.Url}/: cannot be reached", _log.Written.First());
    }

    [Theory]
    [InlineData(401, "it refused the secret of sample (401)")]
    [InlineData(403, "it does not let sample read this configuration (403)")]
    [InlineData(404, "it does not know this label (404)")]
    [InlineData(500, "it answered 500")]
    public async Task A_refusal_is_said_plainly_and_tried_again(int status, string reason)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "hello" });
        server.Status = status;
        var loading = Start(Options(server.Url), out _).LoadAsync(TestContext.Current.CancellationToken);
        await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);
        await server.Requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

        server.Status = null;
        await loading;

        Assert.Contains(reason, _log.Written.First());
        Assert.DoesNotContain(_log.Written, line => line.Contains("s3cret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_wait_ends_when_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var loading = Start(Options("http://127.0.0.1:1"), out _).LoadAsync(stop.Token);
        await _log.Written.HasLineAsync("Waiting");

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading);
    }

    [Fact]
    public async Task The_kept_configuration_serves_a_start_without_the_server_and_says_so()
    {
        Keep(StubConfigServer.Environment(new { greeting = "${SDKTEST_KEPT:kept}" }));

        await Start(Options("http://127.0.0.1:1"), out var state).LoadAsync(TestContext.Current.CancellationToken);

        Assert.Equal("kept", state.Provider.Values["greeting"]);
        Assert.True(state.FromKept);
        Assert.NotNull(state.Fault);
        Assert.StartsWith("Warning Starting with the configuration kept at 1970-01-01 00:00:00Z", Assert.Single(_log.Written));
    }

    [Fact]
    public async Task The_kept_configuration_holds_no_value_of_the_environment_and_only_its_owner_reads_it()
    {
        Environment.SetEnvironmentVariable("SDKTEST_PASSWORD", "hunter2");
        await using var server = await StubConfigServer.StartAsync(new { password = "${SDKTEST_PASSWORD}" });
        await using var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:config:enabled"] = "true",
            ["mesh:config:url"] = server.Url,
            ["mesh:data"] = _data.Path,
        });

        await Until.TrueAsync(() => Task.FromResult(File.Exists(KeptFile)));
        var text = await File.ReadAllTextAsync(KeptFile, TestContext.Current.CancellationToken);

        Assert.Contains("SDKTEST_PASSWORD", text);
        Assert.DoesNotContain("hunter2", text);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeptFile));
        Assert.Equal([KeptFile], Directory.GetFiles(_data.Path));
    }

    [Theory]
    [InlineData("changed")]
    [InlineData("cut")]
    [InlineData("empty")]
    [InlineData("foreign")]
    public async Task A_damaged_or_foreign_kept_configuration_is_not_used_and_that_is_said(string damage)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "served" });
        await server.StopAsync();
        Keep(StubConfigServer.Environment(new { greeting = "kept" }), damage == "foreign" ? "other" : "sample");
        var text = await File.ReadAllTextAsync(KeptFile, TestContext.Current.CancellationToken);
        var damaged = damage switch
        {
            "changed" => text.Replace("kept", "evil", StringComparison.Ordinal),
            "cut" => text[..(text.Length / 2)],
            "empty" => "",
            _ => text,
        };
        await File.WriteAllTextAsync(KeptFile, damaged, TestContext.Current.CancellationToken);

        var loading = Start(Options(server.Url), out var state).LoadAsync(TestContext.Current.CancellationToken);
        await _log.Written.HasLineAsync("Warning The kept configuration is not used");
        await server.RestartAsync();
        await loading;

        Assert.Equal("served", state.Provider.Values["greeting"]);
    }

    [Fact]
    public async Task An_unknown_placeholder_is_warned_about_by_name()
    {
        await using var server = await StubConfigServer.StartAsync(new Dictionary<string, object> { ["a"] = "pre ${SDKTEST_NOBODY} post" });

        await Start(Options(server.Url), out _).LoadAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith("Warning The configuration names ${SDKTEST_NOBODY}, which", Assert.Single(_log.Written));
    }

    [Fact]
    public void A_kept_file_is_written_whole_over_an_older_one()
    {
        Keep(StubConfigServer.Environment(new { greeting = "old" }));
        Keep(StubConfigServer.Environment(new { greeting = "new" }));

        var kept = JsonNode.Parse(File.ReadAllText(KeptFile))!;

        Assert.Contains("\"new\"", kept["environment"]!.GetValue<string>());
        Assert.Equal("sample/default/", kept["for"]!.GetValue<string>());
    }

    [Fact]
    public async Task Two_processes_of_one_id_that_share_the_folder_do_not_disturb_each_other()
    {
        // What another process of this id is writing, or has left behind.
        var other = $"{KeptFile}.{Environment.ProcessId}";
        await File.WriteAllTextAsync(other, "half", TestContext.Current.CancellationToken);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => Keep(StubConfigServer.Environment(new { greeting = i })))));

        Assert.Equal("half", await File.ReadAllTextAsync(other, TestContext.Current.CancellationToken));
        Assert.NotNull(new KeptConfiguration(Options("http://127.0.0.1:1")).Read(out _));
        Assert.Equal([KeptFile, other], Directory.GetFiles(_data.Path).Order());
    }

    [Fact]
    public void The_folder_it_creates_is_its_owners_alone()
    {
        var options = Options("http://127.0.0.1:1");
        options.Data = Path.Combine(_data.Path, "new", "data");

        new KeptConfiguration(options).Write(StubConfigServer.Environment(), DateTimeOffset.UnixEpoch);

        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(options.Data));
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
