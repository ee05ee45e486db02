using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Gateway.Listening;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>A gateway that listens everywhere for a proxy, on a network that 127.0.0.2 and so on play: only 127.0.0.1 is this machine.</summary>
public sealed class PlainCallerTests : IAsyncLifetime
{
    private readonly TestClock _clock = new();
    private readonly TestRegistry _registry = new();
    private MeshService<RouteTable> _gateway = null!;
    private TestIssuer _issuer = null!;
    private Backend _account = null!;
    private int _port;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync();
        _account = await Backend.StartAsync();
        var settings = Door.MeshRoutes;
        foreach (var (key, value) in _issuer.Settings) settings[key] = value;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            _port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }
        settings["urls"] = $"http://0.0.0.0:{_port}";
        settings["gateway:trustedProxies"] = "127.0.0.7, 127.0.9.0/24";
        _gateway = new MeshService<RouteTable>(settings, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<IServiceRegistry>(_registry));
            services.Replace(ServiceDescriptor.Singleton(new LocalAddresses(IPAddress.Loopback.Equals)));
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(_clock));
        });
        _gateway.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _account.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    private async Task<HttpResponseMessage> GetAsync(string from, string path, params (string Name, string Value)[] headers)
    {
        using var handler = new SocketsHttpHandler();
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            await socket.ConnectAsync(IPAddress.Loopback, _port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        };
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://localhost:{_port}{path}"));
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("/accounts/demo")]
    [InlineData("/uaa/token_keys")]
    [InlineData("/healthz")]
    [InlineData("/actuator/health")]
    [InlineData("/nothing")]
    public async Task Who_comes_in_the_clear_and_is_no_listed_proxy_is_refused_everywhere(string path)
    {
        using var answer = await GetAsync("127.0.0.2", path, ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "https"), ("Authorization", "Bearer secret-token"));

        Assert.Equal(421, (int)answer.StatusCode);
        Assert.True(answer.Headers.ConnectionClose);
        Assert.Matches("^[0-9a-f]{32}$", Assert.Single(answer.Headers.GetValues("X-Trace-Id")));
        var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("misdirected_request", body.GetProperty("error").GetString());
        Assert.DoesNotContain(_gateway.Logs, line => line.Contains("secret-token", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.7")]
    [InlineData("127.0.9.200")]
    public async Task This_machine_and_the_listed_proxies_are_served(string from)
    {
        _registry.Add("account-service", _account);
        await Eventually.AnswersAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1)); // changes of the registry are gathered for a moment
            using var answer = await GetAsync(from, "/accounts/demo");
            return answer.StatusCode == HttpStatusCode.OK;
        }, "the account service answers");

        using var health = await GetAsync(from, "/actuator/health");
        Assert.Equal(200, (int)health.StatusCode);
        using var ready = await GetAsync(from, "/healthz");
        Assert.Contains((int)ready.StatusCode, new[] { 200, 503 });
    }

    [Fact]
    public async Task A_flood_of_them_is_one_line_of_the_log_in_ten_seconds()
    {
        for (var i = 0; i < 5; i++) (await GetAsync("127.0.0.2", "/")).Dispose();
        Assert.Single(_gateway.Logs, line => line.Contains("came without TLS", StringComparison.Ordinal));
        Assert.Contains(_gateway.Logs, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("Refused 127.0.0.2: it came without TLS and is not in gateway:trustedProxies (0 more", StringComparison.Ordinal));

        _clock.Advance(TimeSpan.FromSeconds(10));
        (await GetAsync("127.0.0.3", "/")).Dispose();

        Assert.Contains(_gateway.Logs, line => line.Contains("Refused 127.0.0.3: it came without TLS and is not in gateway:trustedProxies (4 more", StringComparison.Ordinal));
    }
}
