using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Forwarding;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>HTTP/2 to the services, and what needs it all the way: gRPC and WebSockets as streams of one connection.</summary>
public sealed class StreamHttp2Tests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task<Door> OpenAsync(params (string Key, string Value)[] settings) => Door.OpenAsync([("gateway:h2c:url", "http://127.0.0.1:0"), .. settings]);

    /// <summary>Where the gateway speaks HTTP/2 without TLS.</summary>
    internal static Uri Plain(Door door) => new(Addresses(door).Last());

    /// <summary>Where it speaks HTTP/1.1.</summary>
    internal static Uri Usual(Door door) => new(Addresses(door).First());

    private static ICollection<string> Addresses(Door door) => door.Gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;

    [Fact]
    public async Task An_instance_that_says_h2c_is_spoken_to_in_HTTP_2_and_others_in_HTTP_1()
    {
        await using var door = await Door.OpenAsync();
        var modern = await door.AddAsync("account-service", null, null, HttpProtocols.Http2, ("protocol", "h2c"));
        var usual = await door.AddAsync("auth-service");

        using var one = await door.GetAsync("/accounts/demo");
        using var other = await door.GetAsync("/uaa/x");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (one.StatusCode, other.StatusCode));
        Assert.Equal("HTTP/2", modern.Last.Protocol);
        Assert.Equal("HTTP/1.1", usual.Last.Protocol);
    }

    [Fact]
    public async Task A_service_may_be_set_to_HTTP_2_whatever_its_instances_say()
    {
        await using var door = await Door.OpenAsync(("gateway:services:account-service:http2", "true"), ("gateway:services:auth-service:http2", "false"));
        var modern = await door.AddAsync("account-service", null, null, HttpProtocols.Http2);
        var old = await door.AddAsync("auth-service", null, null, HttpProtocols.Http1, ("protocol", "h2c"));

        using var one = await door.GetAsync("/accounts/demo");
        using var other = await door.GetAsync("/uaa/x");

        Assert.Equal("HTTP/2", modern.Last.Protocol);
        Assert.Equal("HTTP/1.1", old.Last.Protocol);
    }

    [Theory]
    [InlineData("http://a", null, null, "1.1")]
    [InlineData("http://a", "h2c", null, "2.0!")]
    [InlineData("http://a", null, true, "2.0!")]
    [InlineData("http://a", "h2c", false, "1.1")]
    [InlineData("https://a", null, null, "2.0")]
    [InlineData("https://a", "h2", null, "2.0")]
    [InlineData("https://a", "http/1.1", null, "1.1")]
    [InlineData("https://a", null, false, "1.1")]
    public async Task With_TLS_the_protocol_is_negotiated_and_without_it_both_must_know(string address, string? protocol, bool? http2, string version)
    {
        await using var door = await Door.OpenAsync();
        var instance = new Instance("a", new Uri(address), protocol is null ? new Dictionary<string, string>() : new() { ["protocol"] = protocol });

        var config = door.Gateway.Services.GetRequiredService<ForwardingClient>().For(TimeSpan.FromSeconds(1), instance, http2);

        Assert.Equal(version, config.Version + (config.VersionPolicy == HttpVersionPolicy.RequestVersionExact ? "!" : ""));
    }

    [Fact]
    public async Task A_gRPC_call_passes_with_its_trailers_and_the_service_is_asked_for_them()
    {
        await using var door = await OpenAsync();
        var account = await door.AddAsync("account-service", async http =>
        {
            var asked = await Grpc.ReadAsync(http.Request.Body, http.RequestAborted);
            http.Response.ContentType = "application/grpc";
            http.Response.DeclareTrailer("grpc-status");
            await http.Response.Body.WriteAsync(Grpc.Frame("hello " + asked), http.RequestAborted);
            http.Response.AppendTrailer("grpc-status", "0");
            http.Response.AppendTrailer("grpc-message", "fine");
        }, null, HttpProtocols.Http2, ("protocol", "h2c"));
        using var http = new HttpClient();

        using var answer = await http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Hello", new ByteArrayContent(Grpc.Frame("mesh"))), Stop);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal("application/grpc", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("hello mesh", await Grpc.ReadAsync(await answer.Content.ReadAsStreamAsync(Stop), Stop));
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Equal("fine", answer.TrailingHeaders.GetValues("grpc-message").Single());
        Assert.Equal(("HTTP/2", "POST", "trailers", "1S"), (account.Last.Protocol, account.Last.Method, account.Last.Headers["TE"], account.Last.Headers["grpc-timeout"]));
    }

    [Fact]
    public async Task A_gRPC_error_is_the_services_own_and_a_refusal_is_one_of_HTTP()
    {
        await using var door = await OpenAsync();
        await door.AddAsync("account-service", http =>
        {
            // Trailers only: the status stands in the headers.
            http.Response.ContentType = "application/grpc";
            http.Response.Headers["grpc-status"] = "5";
            http.Response.Headers["grpc-message"] = "no such account";
            return Task.CompletedTask;
        }, null, HttpProtocols.Http2, ("protocol", "h2c"));
        using var http = new HttpClient();

        using var error = await http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Hello", new ByteArrayContent(Grpc.Frame("mesh"))), Stop);
        Assert.Equal("5", error.Headers.GetValues("grpc-status").Single());
        Assert.Equal("no such account", error.Headers.GetValues("grpc-message").Single());

        using var refused = await http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Hello", new ByteArrayContent(Grpc.Frame("mesh")), token: "bad"), Stop);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode); // UNAUTHENTICATED to every client of gRPC
    }

    [Fact]
    public async Task Messages_of_a_gRPC_stream_arrive_as_they_are_sent_in_both_directions()
    {
        await using var door = await OpenAsync(("gateway:routes:accounts:timeout", "1500ms"));
        await door.AddAsync("account-service", async http =>
        {
            http.Response.ContentType = "application/grpc";
            await http.Response.Body.FlushAsync(http.RequestAborted); // the headers
            while (await Grpc.ReadAsync(http.Request.Body, http.RequestAborted) is { } message)
            {
                await http.Response.Body.WriteAsync(Grpc.Frame("echo " + message), http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }
            http.Response.AppendTrailer("grpc-status", "0");
        }, null, HttpProtocols.Http2, ("protocol", "h2c"));
        using var http = new HttpClient();
        using var content = new OpenContent();

        using var answer = await http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Chat", content), HttpCompletionOption.ResponseHeadersRead, Stop);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, string.Join('\n', door.Gateway.Logs.TakeLast(6)));
        var stream = await answer.Content.ReadAsStreamAsync(Stop);
        var sending = await content.Opened;
        for (var i = 0; i < 3; i++)
        {
            await sending.WriteAsync(Grpc.Frame($"{i}"), Stop);
            await sending.FlushAsync(Stop);
            Assert.Equal($"echo {i}", await Grpc.ReadAsync(stream, Stop)); // the next one has not been sent yet
            await Task.Delay(600, Stop); // the silence under test: three of them are longer than the timeout
        }
        content.Close();

        Assert.Null(await Grpc.ReadAsync(stream, Stop));
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task What_calls_itself_gRPC_keeps_to_the_body_limit_of_its_route()
    {
        await using var door = await OpenAsync(("gateway:routes:accounts:maxBodyBytes", "1000"));
        var received = 0L;
        await door.AddAsync("account-service", async http =>
        {
            var buffer = new byte[1000];
            while (await http.Request.Body.ReadAsync(buffer, http.RequestAborted) is > 0 and var read) Interlocked.Add(ref received, read);
        }, null, HttpProtocols.Http2, ("protocol", "h2c"));
        using var http = new HttpClient();
        using var content = new OpenContent();

        var asking = http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Fill", content), Stop);
        var sending = await content.Opened;
        await sending.WriteAsync(new byte[900], Stop);
        await sending.FlushAsync(Stop);
        await sending.WriteAsync(new byte[900], Stop);
        await sending.FlushAsync(Stop);

        using var answer = await asking;
        content.Close();
        await AccessTests.AssertProblem(answer, 413, "request_too_large");
        Assert.InRange(Volatile.Read(ref received), 0, 1000);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task A_WebSocket_passes_between_all_versions_of_HTTP(int outside, int inside)
    {
        await using var door = await OpenAsync(("gateway:routes:accounts:methods:0", "GET"));
        var account = await door.AddAsync("account-service", EchoAsync, null, inside == 2 ? HttpProtocols.Http2 : HttpProtocols.Http1, ("protocol", inside == 2 ? "h2c" : "http/1.1"));
        using var client = new ClientWebSocket();
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        client.Options.HttpVersion = outside == 2 ? HttpVersion.Version20 : HttpVersion.Version11;
        client.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        client.Options.SetRequestHeader("Authorization", "Bearer " + door.Issuer.UserToken("alice", "ui"));
        var address = new UriBuilder(outside == 2 ? Plain(door) : Usual(door)) { Scheme = "ws", Path = "/accounts/live" }.Uri;

        await client.ConnectAsync(address, invoker, Stop);
        var buffer = new byte[1000];
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(Encoding.UTF8.GetBytes($"message {i}"), WebSocketMessageType.Text, true, Stop);
            var echo = await client.ReceiveAsync(buffer, Stop);
            Assert.Equal($"message {i}", Encoding.UTF8.GetString(buffer, 0, echo.Count));
        }
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Stop);

        Assert.Equal("bye", client.CloseStatusDescription);
        Assert.Equal(inside == 2 ? ("HTTP/2", "CONNECT") : ("HTTP/1.1", "GET"), (account.Last.Protocol, account.Last.Method));
        Assert.StartsWith("Bearer ", account.Last.Headers["Authorization"], StringComparison.Ordinal);
    }

    internal static async Task EchoAsync(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[1000];
        while (await socket.ReceiveAsync(buffer, http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, http.RequestAborted);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", http.RequestAborted);
    }
}

/// <summary>gRPC by hand: five bytes before each message (a flag and the length), the status in the trailers.</summary>
internal static class Grpc
{
    private const int Head = 5;

    public static byte[] Frame(string message)
    {
        var text = Encoding.UTF8.GetBytes(message);
        var frame = new byte[Head + text.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), text.Length);
        text.CopyTo(frame, Head);
        return frame;
    }

    /// <summary>The next message; null at the end.</summary>
    public static async Task<string?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[Head];
        if (await stream.ReadAtLeastAsync(head, Head, throwOnEndOfStream: false, cancellationToken) < Head) return null;
        var text = new byte[BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1))];
        await stream.ReadExactlyAsync(text, cancellationToken);
        return Encoding.UTF8.GetString(text);
    }

    public static HttpRequestMessage Call(Door door, string method, HttpContent content, string? token = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(StreamHttp2Tests.Plain(door), method)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content };
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + (token ?? door.Issuer.UserToken("alice", "ui")));
        request.Headers.TryAddWithoutValidation("TE", "trailers");
        request.Headers.TryAddWithoutValidation("grpc-timeout", "1S");
        return request;
    }
}

/// <summary>A request body that the test writes while the answer comes.</summary>
internal sealed class OpenContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Stream> Opened => _opened.Task;

    public void Close() => _closed.TrySetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync(TestContext.Current.CancellationToken);
        _opened.SetResult(stream);
        await _closed.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
