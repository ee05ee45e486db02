using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Listening;
using SecureMesh.Gateway.Tests.Fuzz;
using SecureMesh.Sdk;
using Xunit;
using static SecureMesh.Gateway.Tests.Fuzz.Http2Wire;

namespace SecureMesh.Gateway.Tests;

/// <summary>The address for HTTP/2 without TLS, and what a caller can do with frames (V-103).</summary>
public sealed class HygieneHttp2Tests : IAsyncLifetime
{
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private Door _door = null!;
    private Backend _account = null!;
    private Uri _usual = null!;
    private Uri _plain = null!;

    public async ValueTask InitializeAsync()
    {
        _limit.CancelAfter(TimeSpan.FromSeconds(60));
        _door = await Door.OpenAsync(("gateway:h2c:url", "http://127.0.0.1:0"));
        _account = await _door.AddAsync("account-service", async http =>
        {
            if (http.WebSockets.IsWebSocketRequest)
            {
                using var socket = await http.WebSockets.AcceptWebSocketAsync();
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "heard", http.RequestAborted);
                return;
            }
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(http.Response, "hello");
        });
        (_usual, _plain) = Addresses(_door);
    }

    private static (Uri Usual, Uri Plain) Addresses(Door door)
    {
        var addresses = door.Gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
        Assert.Equal(2, addresses.Count);
        return (new Uri(addresses[0]), new Uri(addresses[1]));
    }

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        _limit.Dispose();
    }

    private async Task<HttpResponseMessage> GetAsync(Uri server, Version version, string path = "/accounts/demo", string? host = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server, path)) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        if (host is not null) request.Headers.Host = host;
        return await http.SendAsync(request, _limit.Token);
    }

    private static byte[] Request(int stream, string path = "/accounts/demo", params (string Name, string Value)[] more) => Frame(Headers, EndStream | EndHeaders, stream,
        Fields([(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost"), .. more]));

    private async Task AssertServesAsync()
    {
        using var answer = await GetAsync(_plain, HttpVersion.Version20);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var other = await GetAsync(_usual, HttpVersion.Version11);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task HTTP_2_is_spoken_at_its_own_address_and_HTTP_1_at_the_other()
    {
        await AssertServesAsync();

        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(_usual, HttpVersion.Version20));
        using var old = await GetAsync(_plain, HttpVersion.Version11);
        Assert.Equal(HttpStatusCode.BadRequest, old.StatusCode);
        Assert.Equal("http", _account.Last.Headers["X-Forwarded-Proto"]);
    }

    [Fact]
    public async Task The_same_rules_hold_there()
    {
        using var host = await GetAsync(_plain, HttpVersion.Version20, host: "evil.example");
        Assert.Equal(421, (int)host.StatusCode);
        using var path = await GetAsync(_plain, HttpVersion.Version20, "/accounts/demo;x");
        Assert.Equal(HttpStatusCode.BadRequest, path.StatusCode);
        using var token = await GetAsync(_plain, HttpVersion.Version20, "/accounts/current");
        Assert.Equal(HttpStatusCode.Unauthorized, token.StatusCode);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task A_WebSocket_over_HTTP_2_without_TLS_reaches_the_service_with_a_token_alone()
    {
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        using var stranger = new ClientWebSocket();
        (stranger.Options.HttpVersion, stranger.Options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        var address = new Uri($"ws://{_plain.Authority}/accounts/live");
        await Assert.ThrowsAsync<WebSocketException>(() => stranger.ConnectAsync(address, invoker, _limit.Token));
        Assert.Empty(_account.Requests);

        using var client = new ClientWebSocket();
        (client.Options.HttpVersion, client.Options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        client.Options.SetRequestHeader("Authorization", "Bearer " + _door.Issuer.UserToken("alice", "ui"));
        await client.ConnectAsync(address, invoker, _limit.Token);
        await client.ReceiveAsync(new byte[10], _limit.Token);

        Assert.Equal("heard", client.CloseStatusDescription);
        Assert.Equal("/accounts/live", _account.Last.Target);
    }

    [Theory]
    [InlineData(HttpProtocols.Http1, "http/1.1", "content-type", "application/json")]
    [InlineData(HttpProtocols.Http1, "http/1.1", "content-length", "6")]
    [InlineData(HttpProtocols.Http2, "h2c", "content-type", "application/json")]
    [InlineData(HttpProtocols.Http2, "h2c", "content-length", "6")]
    public async Task A_WebSocket_over_HTTP_2_has_no_content_whatever_its_headers_say(HttpProtocols inside, string protocol, string header, string value)
    {
        await using var door = await Door.OpenAsync(("gateway:h2c:url", "http://127.0.0.1:0"));
        await door.AddAsync("account-service", StreamHttp2Tests.EchoAsync, null, inside, ("protocol", protocol));
        using var wire = await ConnectAsync(Addresses(door).Plain, _limit.Token);

        await wire.WriteAsync(Frame(Headers, EndHeaders, 1, Fields([
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/accounts/demo"), (":authority", "localhost"),
            ("sec-websocket-version", "13"), ("content-language", "de"), (header, value)])));
        Assert.Equal(200, await StatusAsync(wire));

        // A ping of the WebSocket, masked with zeros (RFC 6455 §5.2), and the pong: the stream is open in both directions.
        await wire.WriteAsync(Frame(Data, 0, 1, [0x89, 0x80, 0, 0, 0, 0]));
        Assert.Equal([0x8A, 0x00], await DataAsync(wire));
        Assert.True(door.Gateway.Services.GetRequiredService<InstanceLists>().Of("account-service").Single().Standing.IsSpotless);
    }

    [Fact]
    public async Task V_103_who_opens_streams_and_resets_them_at_once_is_disconnected_and_the_gateway_serves_on()
    {
        await AssertEndsAsync(stream => [.. Request(stream), .. Frame(Reset, 0, stream, [0, 0, 0, 8])]);
    }

    [Fact]
    public async Task V_103_who_makes_the_gateway_reset_his_streams_is_disconnected_and_the_gateway_serves_on()
    {
        // CVE-2025-8671: an increment of zero is the server's turn to reset.
        await AssertEndsAsync(stream => [.. Request(stream), .. Frame(WindowUpdate, 0, stream, [0, 0, 0, 0])]);
    }

    [Fact]
    public async Task V_103_a_head_without_an_end_is_cut_off()
    {
        await AssertEndsAsync(stream => stream == 1 ? Frame(Headers, EndStream, 1, Fields([(":method", "GET")])) : Frame(Continuation, 0, 1, Fields([("x-" + stream, new string('a', 1000))])));
    }

    [Fact]
    public async Task V_103_a_flood_of_settings_or_pings_does_not_wait_for_the_caller()
    {
        await AssertEndsAsync(stream => [.. Enumerable.Range(0, 50).SelectMany(_ => Frame(Settings, 0, 0, []).Concat(Frame(Ping, 0, 0, new byte[8])))], reads: false);
    }

    /// <summary>Sends frames until the gateway has had enough: a connection error, or no more room for the answers that nobody reads.</summary>
    private async Task AssertEndsAsync(Func<int, byte[]> frames, bool reads = true)
    {
        var handled = _account.Requests.Count;
        using (var wire = await ConnectAsync(_plain, _limit.Token))
        {
            var reading = reads ? DrainAsync(wire) : Task.Delay(Timeout.Infinite, _limit.Token);
            var sent = 0;
            try
            {
                while (sent < 20_000 && !reading.IsCompleted)
                {
                    var writing = wire.WriteAsync(frames((2 * sent++) + 1));
                    // Who does not read is not read from in turn, sooner or later: that is an end too.
                    if (await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(3), _limit.Token)) != writing) break;
                    await writing;
                }
            }
            catch (IOException)
            {
                // Closed, as it should be.
            }
            if (reads) await reading;
            else Assert.True(sent < 20_000, "the gateway answered 20,000 of them to nobody");
        }
        Assert.InRange(_account.Requests.Count - handled, 0, 5_000);
        await AssertServesAsync();
    }

    private static async Task DrainAsync(Http2Wire wire)
    {
        while (await wire.ReadAsync() is { } frame)
        {
            if (frame.Type == GoAway) return;
        }
    }

    [Fact]
    public async Task V_103_more_streams_than_allowed_are_refused_one_by_one()
    {
        var waiting = new TaskCompletionSource();
        await using var door = await Door.OpenAsync(("gateway:h2c:url", "http://127.0.0.1:0"));
        var account = await door.AddAsync("account-service", _ => waiting.Task);
        var (_, plain) = Addresses(door);
        using var wire = await ConnectAsync(plain, _limit.Token);
        for (var i = 0; i < 150; i++) await wire.WriteAsync(Request((2 * i) + 1));
        var refused = 0;
        while (refused < 50 && await wire.ReadAsync() is { } frame)
        {
            if (frame.Type != Reset) continue;
            Assert.Equal([0, 0, 0, 7], frame.Payload); // REFUSED_STREAM: nothing was done, try again
            refused++;
        }
        Assert.Equal(50, refused);
        await Eventually.TrueAsync(() => account.Requests.Count == 100, "a hundred streams are served");

        waiting.SetResult();
        var answered = 0;
        while (answered < 100 && await wire.ReadAsync() is { } frame)
        {
            if (frame.Type == Headers) answered++;
        }
        Assert.Equal(100, answered);
    }

    [Theory]
    [InlineData("application/octet-stream")]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    public async Task A_body_that_does_not_tell_its_length_is_counted_whatever_it_says_it_is(string type)
    {
        await using var door = await Door.OpenAsync(("gateway:h2c:url", "http://127.0.0.1:0"), ("gateway:routes:accounts-register:maxBodyBytes", "100000"));
        var taken = 0L;
        await door.AddAsync("account-service", async http =>
        {
            var buffer = new byte[16 * 1024];
            int read;
            while ((read = await http.Request.Body.ReadAsync(buffer, http.RequestAborted)) > 0) taken += read;
        });
        var (_, plain) = Addresses(door);
        using var wire = await ConnectAsync(plain, _limit.Token);
        await wire.WriteAsync(Frame(Headers, EndHeaders, 1, Fields([(":method", "POST"), (":scheme", "http"), (":path", "/accounts/"), (":authority", "localhost"), ("content-type", type), ("te", "trailers")])));
        var reading = StatusAsync(wire);
        for (var sent = 0; sent < 60 && !reading.IsCompleted; sent++) // a little below the window that a connection begins with... per stream 768 KiB
        {
            await wire.WriteAsync(Frame(Data, 0, 1, new byte[10_000]));
            await Task.WhenAny(reading, Task.Delay(10, _limit.Token));
        }

        Assert.Equal(413, await reading);
        Assert.InRange(taken, 0, 100_000);
    }

    [Theory]
    [InlineData("application/grpc", "/accounts/current", 200)]
    [InlineData("application/octet-stream", "/accounts/current", 0)]
    [InlineData("application/grpc", "/accounts/", 0)] // a public route: whoever
    public async Task V_103_a_stream_of_gRPC_may_be_silent_for_who_is_let_in_and_an_upload_may_not(string type, string path, int status)
    {
        await using var door = await Door.OpenAsync(("gateway:h2c:url", "http://127.0.0.1:0"));
        door.Gateway.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.MinRequestBodyDataRate = new MinDataRate(10_000, TimeSpan.FromSeconds(1.1));
        await door.AddAsync("account-service", async http =>
        {
            http.Features.Get<IHttpMinRequestBodyDataRateFeature>()!.MinDataRate = null;
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
        });
        var (_, plain) = Addresses(door);
        using var wire = await ConnectAsync(plain, _limit.Token);
        await wire.WriteAsync(Frame(Headers, EndHeaders, 1, Fields([(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("content-type", type), ("te", "trailers"), ("authorization", "Bearer " + door.Issuer.UserToken("alice", "ui"))])));
        await wire.WriteAsync(Frame(Data, 0, 1, new byte[10]));
        var reading = StatusAsync(wire);
        await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(4), _limit.Token)); // the silence under test: an upload is ended within it
        if (!reading.IsCompleted) await wire.WriteAsync(Frame(Data, EndStream, 1, new byte[10]));

        Assert.Equal(status, await reading);
    }

    private static async Task<byte[]> DataAsync(Http2Wire wire)
    {
        while (await wire.ReadAsync() is { } frame)
        {
            if (frame.Type == Data && frame.Payload.Length > 0) return [.. frame.Payload];
            if (frame.Type is Reset or GoAway) return [];
        }
        return [];
    }

    private static async Task<int> StatusAsync(Http2Wire wire)
    {
        while (await wire.ReadAsync() is { } frame)
        {
            if (frame.Type == Headers) return Status(frame.Payload);
            if (frame.Type is Reset or GoAway) return 0;
        }
        return 0;
    }

    [Theory]
    [InlineData("ftp://127.0.0.1:1", "gateway:h2c:url must be an address such as http://127.0.0.1:8083, not 'ftp://127.0.0.1:1'.")]
    [InlineData("http://127.0.0.1:1/x", "gateway:h2c:url must be an address such as http://127.0.0.1:8083, not 'http://127.0.0.1:1/x'.")]
    [InlineData("8083", "gateway:h2c:url must be an address such as http://127.0.0.1:8083, not '8083'.")]
    [InlineData("http://0.0.0.0:1", "http://0.0.0.0:1 is not a loopback address, and demo identities are known to everybody: listen on loopback, or start with --production.")]
    public void An_unsafe_address_for_it_is_refused_at_the_start(string url, string message)
    {
        var builder = Microsoft.AspNetCore.Builder.WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0", "--mesh:demo", "true", "--gateway:h2c:url", url]);

        Assert.Equal(message, Assert.Throws<MeshStartException>(() => builder.AddListening()).Message);
    }
}
