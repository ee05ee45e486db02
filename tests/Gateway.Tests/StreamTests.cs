using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>What is long, large or open-ended passes through.</summary>
public sealed class StreamTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_sent_events_arrive_as_they_are_sent_and_outlive_the_routes_timeout()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:timeout", "1500ms"));
        var more = new SemaphoreSlim(0);
        await door.AddAsync("account-service", async http =>
        {
            http.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await http.Response.WriteAsync($"data: {i}\n\n");
                await http.Response.Body.FlushAsync();
                await more.WaitAsync(http.RequestAborted);
            }
        });
        var watch = Stopwatch.StartNew();

        using var answer = await door.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Stop));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal($"data: {i}", await reader.ReadLineAsync(Stop)); // the next one has not been sent yet
            Assert.Equal("", await reader.ReadLineAsync(Stop));
            await Task.Delay(600, Stop); // the silence under test: three of them are longer than the timeout
            more.Release();
        }
        Assert.Null(await reader.ReadLineAsync(Stop));
        Assert.True(watch.Elapsed > TimeSpan.FromMilliseconds(1600));
    }

    [Fact]
    public async Task A_stream_that_falls_silent_for_the_idle_time_is_ended()
    {
        await using var door = await Door.OpenAsync(("gateway:idleTimeout", "00:00:02"), ("gateway:routes:accounts-demo:timeout", "1500ms"));
        await door.AddAsync("account-service", async http =>
        {
            await http.Response.WriteAsync("begun");
            await http.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });

        using var answer = await door.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop);

        await Assert.ThrowsAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync(Stop).WaitAsync(TimeSpan.FromSeconds(10), Stop));
    }

    [Fact]
    public async Task A_WebSocket_echoes_and_outlives_the_routes_timeout()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:timeout", "1500ms"));
        var account = await door.AddAsync("account-service", async http =>
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync("chat");
            var buffer = new byte[1000];
            while (await socket.ReceiveAsync(buffer, http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
                await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, http.RequestAborted);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", http.RequestAborted);
        });
        using var client = new ClientWebSocket();
        client.Options.AddSubProtocol("chat");
        client.Options.SetRequestHeader("Authorization", "Bearer " + door.Issuer.UserToken("alice", "ui"));
        var buffer = new byte[1000];

        await client.ConnectAsync(new Uri($"ws://{door.Url.Authority}/accounts/live"), Stop);
        Assert.Equal("chat", client.SubProtocol);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync(Encoding.UTF8.GetBytes($"message {i}"), WebSocketMessageType.Text, true, Stop);
            var echo = await client.ReceiveAsync(buffer, Stop);
            Assert.Equal($"message {i}", Encoding.UTF8.GetString(buffer, 0, echo.Count));
            await Task.Delay(600, Stop); // the silence under test
        }
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Stop);

        Assert.Equal("bye", client.CloseStatusDescription);
        Assert.Equal("/accounts/live", account.Last.Target);
    }

    [Fact]
    public async Task A_WebSocket_without_a_token_is_refused()
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service");
        using var client = new ClientWebSocket();

        var refused = await Assert.ThrowsAsync<WebSocketException>(() => client.ConnectAsync(new Uri($"ws://{door.Url.Authority}/accounts/live"), Stop));

        Assert.Contains("401", refused.Message, StringComparison.Ordinal);
        Assert.Empty(account.Requests);
    }

    [Fact]
    public async Task Large_bodies_pass_in_both_directions()
    {
        const int size = 50_000_000;
        await using var door = await Door.OpenAsync(("gateway:routes:accounts:maxBodyBytes", "60000000"));
        await door.AddAsync("account-service", async http =>
        {
            var hash = Convert.ToHexString(await SHA256.HashDataAsync(http.Request.Body, http.RequestAborted));
            http.Response.Headers.ETag = $"\"{hash}\"";
            for (var i = 0; i < 50; i++) await http.Response.Body.WriteAsync(new byte[1_000_000], http.RequestAborted);
        });
        var body = new byte[size];
        new Random(7).NextBytes(body);

        using var answer = await door.SendAsync(HttpMethod.Put, "/accounts/current", door.Issuer.UserToken("alice", "ui"), new ByteArrayContent(body));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal($"\"{Convert.ToHexString(SHA256.HashData(body))}\"", answer.Headers.ETag?.Tag);
        Assert.Equal(size, (await answer.Content.ReadAsByteArrayAsync(Stop)).Length);
    }

    [Fact]
    public async Task An_upload_may_take_longer_than_the_routes_timeout_as_long_as_it_moves()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-register:timeout", "1500ms"));
        await door.AddAsync("account-service", async http =>
        {
            var text = await new StreamReader(http.Request.Body).ReadToEndAsync(http.RequestAborted);
            await http.Response.WriteAsync(text);
        });

        using var answer = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new SlowContent(6, TimeSpan.FromMilliseconds(300)));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("012345", await answer.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task One_trace_id_goes_from_the_gateway_to_the_service_and_back_to_the_caller()
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service", http =>
        {
            http.Response.Headers["X-Trace-Id"] = "the service's own";
            return http.Response.WriteAsync("hello");
        });

        using var own = await door.GetAsync("/accounts/demo");
        var trace = own.Headers.GetValues("X-Trace-Id").Single();
        Assert.Matches("^[0-9a-f]{32}$", trace);
        Assert.Equal(trace, account.Last.Headers["traceparent"].Split('-')[1]);

        const string callers = "0af7651916cd43dd8448eb211c80319c";
        using var given = await door.GetAsync("/accounts/demo", null, ("traceparent", $"00-{callers}-b7ad6b7169203331-01"), ("tracestate", "vendor=1"));
        Assert.Equal(callers, given.Headers.GetValues("X-Trace-Id").Single());
        Assert.Equal(callers, account.Last.Headers["traceparent"].Split('-')[1]);
        Assert.Equal("vendor=1", account.Last.Headers["tracestate"]);

        using var refused = await door.GetAsync("/accounts/current", null, ("traceparent", $"00-{callers}-b7ad6b7169203331-01"));
        Assert.Equal(callers, JsonDocument.Parse(await refused.Content.ReadAsStringAsync(Stop)).RootElement.GetProperty("traceId").GetString());
    }

    private sealed class SlowContent(int pieces, TimeSpan pause) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var i = 0; i < pieces; i++)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"{i}"), Stop);
                await stream.FlushAsync(Stop);
                await Task.Delay(pause, Stop); // the slowness under test
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
