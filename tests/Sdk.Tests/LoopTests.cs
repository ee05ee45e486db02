using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk.Tests.Config;
using SecureMesh.Sdk.Tests.Discovery;
using SecureMesh.Sdk.Tests.Tokens;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests;

/// <summary>What runs in the background goes on, whatever another server answers and whatever throws.</summary>
public sealed class LoopTests : IDisposable
{
    private readonly TemporaryFolder _data = new();

    public void Dispose() => _data.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Dictionary<string, string> Configured(StubConfigServer server) => new()
    {
        ["mesh:config:enabled"] = "true",
        ["mesh:config:url"] = server.Url,
        ["mesh:data"] = _data.Path,
    };

    private static Dictionary<string, string> Registered(StubEureka eureka) => new()
    {
        ["mesh:registry:enabled"] = "true",
        ["mesh:registry:url"] = eureka.Url,
        ["mesh:registry:renewalInterval"] = "200ms",
        ["mesh:registry:leaseDuration"] = "800ms",
        ["mesh:registry:fetchInterval"] = "200ms",
    };

    [Fact]
    public async Task An_error_that_gets_out_of_a_background_service_does_not_stop_the_service()
    {
        await using var service = await Service.StartAsync(_ => { }, configure: builder => builder.Services.AddHostedService<Broken>());
        await service.Logs.HasLineAsync("broken on purpose");

        Assert.Equal(BackgroundServiceExceptionBehavior.Ignore, service.Services.GetRequiredService<IOptions<HostOptions>>().Value.BackgroundServiceExceptionBehavior);
        Assert.False(service.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        Assert.Equal(200, (await service.GetAsync("/actuator/health")).Status);
    }

    [Theory]
    [InlineData("""{"propertySources":[{"name":"x","source":{"greeting":"\ud800"}}]}""")]
    [InlineData("""{"propertySources":[{"name":"x","source":{"\ud800":"new"}}]}""")]
    [InlineData("""{"version":"\udc00","propertySources":[]}""")]
    [InlineData("""{"\ud800":1,"propertySources":[{"\ud800":1}]}""")]
    public async Task A_configuration_that_is_no_text_leaves_the_one_in_force_and_the_next_one_is_taken(string text)
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        await using var service = await Service.StartAsync(_ => { }, Configured(server));
        var configuration = service.Services.GetRequiredService<IConfiguration>();

        server.ServeText(text);
        await service.Logs.HasLineAsync("the configuration in force stays");

        Assert.Equal("old", configuration["greeting"]);
        server.Serve(new { greeting = "new" });
        await configuration.HasAsync("greeting", "new");
        Assert.Contains(service.Logs, line => line.Contains("not Unicode", StringComparison.Ordinal) || line.Contains("no source object", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Following_the_configuration_goes_on_after_an_error()
    {
        await using var server = await StubConfigServer.StartAsync(new { greeting = "old" });
        server.Holds = true;
        var traps = new Traps("A changed configuration is in force");
        await using var service = await Service.StartAsync(_ => { }, Configured(server), builder => builder.Logging.AddProvider(traps));
        var configuration = service.Services.GetRequiredService<IConfiguration>();

        server.Serve(new { greeting = "one" });
        await service.Logs.HasLineAsync("The configuration could not be followed");
        server.Serve(new { greeting = "two" });

        await configuration.HasAsync("greeting", "two");
    }

    [Theory]
    [InlineData("""{"instanceId":"\ud800","hostName":"h","app":"ORDERS","port":{"$":80,"@enabled":"true"}}""")]
    [InlineData("""{"instanceId":"bad","hostName":"\ud800","app":"ORDERS","port":{"$":80,"@enabled":"true"}}""")]
    [InlineData("""{"instanceId":"bad","hostName":"h","app":"ORDERS","status":"\udfff","port":{"$":80,"@enabled":"true"}}""")]
    [InlineData("""{"instanceId":"bad","hostName":"h","app":"ORDERS","port":{"$":80,"@enabled":"true"},"metadata":{"zone":"\ud800"}}""")]
    [InlineData("""{"instanceId":"bad","hostName":"h","app":"ORDERS","port":{"$":80,"@enabled":"true"},"metadata":{"\ud800":"z"}}""")]
    [InlineData("""{"instanceId":"bad","hostName":"h","app":"ORDERS","vipAddress":"\ud83d","port":{"$":80,"@enabled":"true"}}""")]
    [InlineData("""{"\ud800":1,"instanceId":"bad","hostName":"h","port":{"$":80,"@enabled":"true"}}""")]
    public async Task An_instance_that_is_no_text_is_left_out_and_the_others_are_followed(string bad)
    {
        await using var eureka = await StubEureka.StartAsync();
        var good = """{"instanceId":"good","hostName":"h","app":"ORDERS","port":{"$":80,"@enabled":"true"}}""";
        var later = """{"instanceId":"later","hostName":"h","app":"ORDERS","port":{"$":81,"@enabled":"true"}}""";
        eureka.Text = $$$"""{"applications":{"application":[{"name":"ORDERS","instance":[{{{bad}}},{{{good}}}]}]}}""";
        await using var service = await Service.StartAsync(_ => { }, Registered(eureka));
        var registry = service.Services.GetRequiredService<IServiceRegistry>();

        var first = await registry.HoldsAsync(r => r.Instances.Any(instance => instance.Id == "good"));
        eureka.Text = $$$"""{"applications":{"application":[{"name":"ORDERS","instance":[{{{bad}}},{{{good}}},{{{later}}}]}]}}""";
        await registry.HoldsAsync(r => r.Instances.Any(instance => instance.Id == "later"));

        Assert.Equal(["good"], first.Instances.Select(instance => instance.Id));
        Assert.Equal(200, (await service.GetAsync("/actuator/health")).Status);
    }

    [Fact]
    public async Task A_registry_that_is_no_text_leaves_the_instances_known()
    {
        await using var eureka = await StubEureka.StartAsync();
        eureka.Put(StubEureka.Instance("orders", "o:1", 8080));
        await using var service = await Service.StartAsync(_ => { }, Registered(eureka));
        var registry = service.Services.GetRequiredService<IServiceRegistry>();
        await registry.HoldsAsync(r => r.Up("orders").Any());

        eureka.Text = """{"applications":{"apps__hashcode":"\ud800","application":[]}}""";
        await service.Logs.HasLineAsync("its answer is no registry");
        Assert.NotEmpty(registry.Current.Up("orders"));
        eureka.Put(StubEureka.Instance("orders", "o:2", 8081));
        eureka.Text = null;

        await registry.HoldsAsync(r => r.Up("orders").Count() == 2);
    }

    [Fact]
    public async Task Registering_and_following_the_registry_go_on_after_errors()
    {
        await using var eureka = await StubEureka.StartAsync();
        eureka.Text = """{"applications":{"application":[{"name":"NAMELESS","instance":[{"app":"NAMELESS"}]}]}}""";
        var traps = new Traps("An instance of NAMELESS", "Registered as");
        await using var service = await Service.StartAsync(_ => { }, Registered(eureka), builder => builder.Logging.AddProvider(traps));
        var registry = service.Services.GetRequiredService<IServiceRegistry>();

        await service.Logs.HasLineAsync("The registry could not be followed");
        await service.Logs.HasLineAsync("The registration could not be kept up");
        eureka.Text = null;
        eureka.Put(StubEureka.Instance("orders", "o:1", 8080));

        await registry.HoldsAsync(r => r.Up("orders").Any());
        await eureka.WriteAsync("PUT");
    }

    [Theory]
    [InlineData("""{"keys":[{"kty":"\ud800","kid":"a"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","kid":"\ud800"}]}""")]
    [InlineData("""{"\ud800":1,"keys":[{"\ud800":1}]}""")]
    public async Task Keys_that_are_no_text_leave_the_service_without_keys_and_the_next_ones_are_taken(string text)
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        var broken = true;
        await using var front = await Service.StartAsync(app => app.MapGet("/uaa/token_keys", async (HttpContext http) =>
        {
            using var client = new HttpClient();
            return Results.Text(broken ? text : await client.GetStringAsync(issuer.Url + "/uaa/token_keys", http.RequestAborted), "application/json");
        }).AllowAnonymous());
        await using var service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"),
            [new("mesh:issuer", issuer.Issuer), new("mesh:auth:url", front.Url.ToString())]);
        await service.Logs.HasLineAsync("No keys from the token service");

        Assert.Equal(503, (await service.GetAsync("/ui", issuer.Token(("scope", new[] { "ui" })))).Status);
        broken = false;

        await Until.TrueAsync(async () => (await service.GetAsync("/ui", issuer.Token(("scope", new[] { "ui" })))).Status == 200);
        Assert.DoesNotContain(service.Logs, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_are_fetched_again_after_an_error()
    {
        await using var issuer = await TestIssuer.StartAsync("sample");
        issuer.FailWith = 500;
        var traps = new Traps("No keys from the token service");
        await using var service = await Service.StartAsync(app => app.MapGet("/ui", () => "in").RequireScope("ui"), issuer.Settings,
            builder => builder.Logging.AddProvider(traps));
        await service.Logs.HasLineAsync("The keys of the token service could not be refreshed");
        issuer.FailWith = null;

        await Until.TrueAsync(async () => (await service.GetAsync("/ui", issuer.Token(("scope", new[] { "ui" })))).Status == 200);
    }

    [Fact]
    public async Task A_token_answer_that_is_no_text_is_no_token_and_the_next_address_is_asked()
    {
        await using var bad = await StubAuth.StartAsync();
        await using var good = await StubAuth.StartAsync();
        bad.Answer = (200, """{"access_token":"\ud800","token_type":"bearer"}""");
        await using var service = await Service.StartAsync(_ => { }, new Dictionary<string, string>
        {
            ["mesh:auth:url"] = bad.Url + "," + good.Url,
            ["mesh:clientSecret"] = "s3cret",
        });

        Assert.Equal("token-1", await service.Services.GetRequiredService<IServiceTokens>().GetTokenAsync("orders", null, Cancel));
        bad.Answer = (400, """{"error":"\ud800"}""");
        Assert.Equal("token-2", await service.Services.GetRequiredService<IServiceTokens>().GetTokenAsync("others", null, Cancel));
    }

    private sealed class Broken : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            await Task.Yield();
            throw new InvalidOperationException("broken on purpose");
        }
    }

    /// <summary>A logger that throws at the first line of each text: an error in the middle of whatever writes it.</summary>
    private sealed class Traps(params string[] texts) : ILoggerProvider, ILogger
    {
        private readonly ConcurrentDictionary<string, bool> _sprung = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var line = formatter(state, exception);
            foreach (var text in texts)
            {
                if (line.Contains(text, StringComparison.Ordinal) && _sprung.TryAdd(text, true)) throw new NotSupportedException("trap");
            }
        }

        public void Dispose() { }
    }
}
