using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Forwarding;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>A long connection ends when the credential does that opened it: when it is revoked, and when it is over.</summary>
public sealed class StreamEndTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static readonly string[] Kinds = ["websocket", "websocket2", "sse", "grpc"];

    public static TheoryData<string, string> Ends => new(Kinds.SelectMany(kind => new[] { (kind, "token"), (kind, "session"), (kind, "expiry") }));

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task A_long_connection_ends_with_the_credential_that_opened_it(string kind, string end)
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock, ("gateway:h2c:url", "http://127.0.0.1:0"));
        var ended = 0;
        await door.AddAsync("account-service", async http =>
        {
            try
            {
                await AnswerAsync(http);
            }
            catch (Exception e) when (e is OperationCanceledException or WebSocketException or IOException)
            {
                Interlocked.Increment(ref ended);
            }
        }, null, kind == "grpc" ? HttpProtocols.Http2 : HttpProtocols.Http1, ("protocol", kind == "grpc" ? "h2c" : "http/1.1"));
        await FollowsAsync(door);
        var (ending, staying) = (Token(door, "alice"), Token(door, "bob"));
        await using var one = await LongConnection.OpenAsync(kind, door, ending);
        await using var other = await LongConnection.OpenAsync(kind, door, staying);
        var streams = door.Gateway.Services.GetRequiredService<InFlight>();
        Assert.Equal(2, streams.Count);
        Assert.Equal("hello", await one.NextAsync());
        Assert.Equal("hello", await other.NextAsync());

        if (end == "token") door.Issuer.Auth.Revoke("token", "jti-of-alice");
        else if (end == "session") door.Issuer.Auth.Revoke("session", "sid-of-alice");
        else clock.Advance(TimeSpan.FromSeconds(400)); // alice's is for five minutes, and a minute of skew

        var next = one.NextAsync();
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100)); // what has begun gets a moment to come to its end
            return next.IsCompleted;
        }, "the connection ends");
        Assert.Null(await next);
        await Eventually.TrueAsync(() => Volatile.Read(ref ended) == 1 && streams.Count == 1, "the service is rid of it too, and the other goes on");
        Assert.Single(door.Gateway.Logs, line => line.Contains(end == "expiry" ? "is ended: the credential expired" : "is ended: the credential was revoked", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_that_is_not_answered_yet_when_its_credential_is_revoked_is_refused_and_its_answer_goes_nowhere()
    {
        await using var door = await Door.OpenAsync();
        using var arrived = new SemaphoreSlim(0);
        await door.AddAsync("account-service", async http =>
        {
            arrived.Release();
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await FollowsAsync(door);
        var asking = door.GetAsync("/accounts/current", Token(door, "alice"));
        await arrived.WaitAsync(Stop);

        door.Issuer.Auth.Revoke("token", "jti-of-alice");

        using var answer = await asking;
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("\"reason\":\"credential_invalid\"", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_has_begun_when_its_credential_is_revoked_may_come_to_its_end_within_a_moment()
    {
        await using var door = await Door.OpenAsync(new TestClock());
        using var finish = new SemaphoreSlim(0);
        await door.AddAsync("account-service", async http =>
        {
            await http.Response.WriteAsync("first, ", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await finish.WaitAsync(http.RequestAborted);
            await http.Response.WriteAsync("last", http.RequestAborted);
        });
        await FollowsAsync(door);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/accounts/current");
        request.Headers.Authorization = new("Bearer", Token(door, "alice"));
        using var answer = await door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);

        door.Issuer.Auth.Revoke("token", "jti-of-alice");
        // In force for what comes now, and nothing that lasts goes on for longer than that moment.
        await Eventually.AnswersAsync(async () => (await door.GetAsync("/accounts/current", Token(door, "alice"))).StatusCode == System.Net.HttpStatusCode.Unauthorized, "it is revoked");
        finish.Release();

        Assert.Equal("first, last", await answer.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task A_stream_of_a_public_route_is_nobodys_and_goes_on()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", AnswerAsync);
        using var answer = await door.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop);

        await FollowsAsync(door);
        var revocations = door.Gateway.Services.GetRequiredService<ITokenRevocations>();

        door.Issuer.Auth.Revoke("zone", "uaa", DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds());

        await Eventually.TrueAsync(() => revocations.IsRevoked(new TokenMarks("uaa", null, null, null, null, "", null, 0)), "all that was issued is revoked");
        Assert.Equal(1, door.Gateway.Services.GetRequiredService<InFlight>().Count);
    }

    private static string Token(Door door, string user) => door.Issuer.Token(
        ("sub", "id-of-" + user), ("user_id", "id-of-" + user), ("user_name", user), ("scope", new[] { "ui" }), ("client_id", "browser"),
        ("jti", "jti-of-" + user), ("sid", "sid-of-" + user),
        ("exp", DateTimeOffset.UtcNow.AddMinutes(user == "alice" ? 5 : 600).ToUnixTimeSeconds()));

    private static Task FollowsAsync(Door door)
    {
        var revocations = door.Gateway.Services.GetRequiredService<ITokenRevocations>();
        return Eventually.TrueAsync(() => revocations.IsCurrent, "the gateway follows the revocations");
    }

    /// <summary>Says hello, and then nothing until somebody ends it.</summary>
    private static async Task AnswerAsync(HttpContext http)
    {
        if (http.WebSockets.IsWebSocketRequest)
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, http.RequestAborted);
            await socket.ReceiveAsync(new byte[10], http.RequestAborted);
            return;
        }
        var grpc = http.Request.ContentType == "application/grpc";
        http.Response.ContentType = grpc ? "application/grpc" : "text/event-stream";
        await http.Response.Body.WriteAsync(grpc ? Grpc.Frame("hello") : "data: hello\n\n"u8.ToArray(), http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        await Task.Delay(Timeout.Infinite, http.RequestAborted);
    }

    /// <summary>What a caller holds open.</summary>
    private sealed class LongConnection : IAsyncDisposable
    {
        private readonly List<IDisposable> _held = [];
        private Func<Task<string?>> _next = null!;

        public static async Task<LongConnection> OpenAsync(string kind, Door door, string token)
        {
            var connection = new LongConnection();
            await (kind switch
            {
                "grpc" => connection.OpenGrpcAsync(door, token),
                "sse" => connection.OpenEventsAsync(door, token),
                _ => connection.OpenSocketAsync(door, token, kind == "websocket2"),
            });
            return connection;
        }

        /// <summary>The next message; null when the connection has ended, in whatever way.</summary>
        public async Task<string?> NextAsync()
        {
            try
            {
                return await _next();
            }
            catch (Exception e) when (e is WebSocketException or IOException or HttpRequestException)
            {
                return null;
            }
        }

        public ValueTask DisposeAsync()
        {
            _held.ForEach(one => one.Dispose());
            return ValueTask.CompletedTask;
        }

        private T Hold<T>(T one) where T : IDisposable
        {
            _held.Insert(0, one);
            return one;
        }

        private async Task OpenSocketAsync(Door door, string token, bool http2)
        {
            var invoker = Hold(new HttpMessageInvoker(new SocketsHttpHandler()));
            var socket = Hold(new ClientWebSocket());
            socket.Options.HttpVersion = http2 ? System.Net.HttpVersion.Version20 : System.Net.HttpVersion.Version11;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
            socket.Options.SetRequestHeader("Authorization", "Bearer " + token);
            await socket.ConnectAsync(new UriBuilder(http2 ? StreamHttp2Tests.Plain(door) : StreamHttp2Tests.Usual(door)) { Scheme = "ws", Path = "/accounts/live" }.Uri, invoker, Stop);
            var buffer = new byte[100];
            _next = async () => await socket.ReceiveAsync(buffer, Stop) is { MessageType: WebSocketMessageType.Text } message ? Encoding.UTF8.GetString(buffer, 0, message.Count) : null;
        }

        private async Task OpenEventsAsync(Door door, string token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(StreamHttp2Tests.Usual(door), "/accounts/events"));
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
            var answer = Hold(await door.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop));
            var reader = Hold(new StreamReader(await answer.Content.ReadAsStreamAsync(Stop)));
            _next = async () =>
            {
                while (await reader.ReadLineAsync(Stop) is { } line)
                {
                    if (line.StartsWith("data: ", StringComparison.Ordinal)) return line["data: ".Length..];
                }
                return null;
            };
        }

        private async Task OpenGrpcAsync(Door door, string token)
        {
            var http = Hold(new HttpClient());
            var answer = Hold(await http.SendAsync(Grpc.Call(door, "/accounts/mesh.Greeter/Watch", new ByteArrayContent(Grpc.Frame("all")), token), HttpCompletionOption.ResponseHeadersRead, Stop));
            var stream = await answer.Content.ReadAsStreamAsync(Stop);
            _next = () => Grpc.ReadAsync(stream, Stop);
        }
    }
}
