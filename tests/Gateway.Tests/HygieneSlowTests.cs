using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Routes;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Callers who send so slowly that they hold what others need (V-103). The times are shortened, not the sockets faked.</summary>
public sealed class HygieneSlowTests : IAsyncLifetime
{
    private readonly TestRegistry _registry = new();
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private TestIssuer _issuer = null!;
    private Backend _account = null!;
    private MeshService<RouteTable> _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _limit.CancelAfter(TimeSpan.FromSeconds(60));
        _issuer = await TestIssuer.StartAsync();
        _account = await Backend.StartAsync(async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(http.Response, "whole");
        });
        var settings = Door.MeshRoutes;
        foreach (var (key, value) in _issuer.Settings) settings[key] = value;
        _gateway = new MeshService<RouteTable>(settings, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<IServiceRegistry>(_registry));
            services.PostConfigure<KestrelServerOptions>(kestrel =>
            {
                kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(1);
                kestrel.Limits.MinResponseDataRate = new MinDataRate(100_000_000, TimeSpan.FromSeconds(1.1));
                kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(10_000, TimeSpan.FromSeconds(1.1));
            });
        });
        _gateway.Start();
        _registry.Add("account-service", _account);
        await Eventually.AnswersAsync(async () => (await _gateway.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), _limit.Token)).IsSuccessStatusCode, "the account service answers");
        _account.Requests.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _account.DisposeAsync();
        await _issuer.DisposeAsync();
        _limit.Dispose();
    }

    /// <summary>Sends the rest piece by piece until the gateway has had enough, and returns what it said.</summary>
    private async Task<string> DribbleAsync(string begin, string piece)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(_gateway.Url.Host, _gateway.Url.Port, _limit.Token);
        var stream = client.GetStream();
        var received = new MemoryStream();
        var reading = stream.CopyToAsync(received, _limit.Token);
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(begin), _limit.Token);
            while (!reading.IsCompleted)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(piece), _limit.Token);
                await Task.WhenAny(reading, Task.Delay(50, _limit.Token)); // the slowness under test
            }
            await reading;
        }
        catch (IOException)
        {
            // Closed while the next piece was on its way.
        }
        return Encoding.ASCII.GetString(received.ToArray());
    }

    [Fact]
    public async Task V_103_a_head_that_never_ends_is_cut_off()
    {
        var answer = await DribbleAsync("GET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", "a");

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal), answer);
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("Content-Length: 100000", "a")]
    [InlineData("Transfer-Encoding: chunked", "1\r\na\r\n")]
    public async Task V_103_a_body_that_trickles_is_408_and_the_service_is_free_again(string length, string piece)
    {
        var answer = await DribbleAsync($"POST /accounts/ HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n", piece);

        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal), answer);
        Assert.DoesNotContain("whole", answer, StringComparison.Ordinal);
        using var next = await _gateway.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), _limit.Token);
        Assert.Equal(200, (int)next.StatusCode);
    }

    [Fact]
    public async Task V_103_a_caller_who_does_not_read_his_answer_is_cut_off()
    {
        var given = new TaskCompletionSource();
        await using var backend = await Backend.StartAsync(async http =>
        {
            http.Features.GetRequiredFeature<IHttpResponseBodyFeature>().DisableBuffering();
            try
            {
                while (true) await http.Response.Body.WriteAsync(new byte[64 * 1024], http.RequestAborted);
            }
            finally
            {
                given.TrySetResult(); // the gateway hung up on the service, too
            }
        });
        _registry.Set([]);
        _registry.Add("account-service", backend);
        using var client = new TcpClient();
        await client.ConnectAsync(_gateway.Url.Host, _gateway.Url.Port, _limit.Token);
        do
        {
            await client.GetStream().WriteAsync("GET /accounts/demo HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), _limit.Token);
        }
        while (backend.Requests.IsEmpty && await WaitAsync());

        await given.Task.WaitAsync(_limit.Token);

        async Task<bool> WaitAsync()
        {
            await Task.Delay(100, _limit.Token); // the registry's change is on its way
            return true;
        }
    }

    [Fact]
    public async Task V_103_the_limits_of_the_door_are_these()
    {
        await using var door = await Door.OpenAsync();
        var limits = door.Gateway.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

        Assert.Equal(TimeSpan.FromSeconds(10), limits.RequestHeadersTimeout);
        Assert.Equal((240.0, TimeSpan.FromSeconds(5)), (limits.MinRequestBodyDataRate!.BytesPerSecond, limits.MinRequestBodyDataRate.GracePeriod));
        Assert.Equal((240.0, TimeSpan.FromSeconds(5)), (limits.MinResponseDataRate!.BytesPerSecond, limits.MinResponseDataRate.GracePeriod));
        Assert.Equal((16 * 1024, 32 * 1024, 100), (limits.MaxRequestLineSize, limits.MaxRequestHeadersTotalSize, limits.MaxRequestHeaderCount));
        Assert.Equal((100, 32 * 1024), (limits.Http2.MaxStreamsPerConnection, limits.Http2.MaxRequestHeaderFieldSize));
    }
}
