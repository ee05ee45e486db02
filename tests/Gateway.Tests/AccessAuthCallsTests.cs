using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Access;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Whom it concerns that auth does not answer.</summary>
public sealed class AccessAuthCallsTests
{
    private const string AMomentAgo = "auth did not answer a moment ago";
    private readonly TestClock _clock = new();
    private readonly AuthCall _password = new("/uaa/oauth/token", TimeSpan.FromMilliseconds(200));
    private readonly AuthCall _exchange = new("/uaa/oauth/token", TimeSpan.FromSeconds(20));
    private readonly AuthCall _introspection = new("/uaa/introspect", TimeSpan.FromSeconds(20));

    private static async Task<string> CauseAsync(Door door, AuthCall call)
    {
        var answer = await door.Gateway.Services.GetRequiredService<AuthCalls>()
            .PostAsync(call, ("gateway", "gateway-secret"), [new("grant_type", "password"), new("token", "unknown")], null, TestContext.Current.CancellationToken);
        return answer.Cause;
    }

    [Fact]
    public async Task Passwords_that_auth_does_not_come_to_stop_neither_introspection_nor_exchange()
    {
        await using var door = await Door.OpenAsync(_clock);
        var full = new TaskCompletionSource();
        door.Issuer.Auth.AnswerToken = async _ =>
        {
            await full.Task;
            return Results.Json(new { error = "unauthorized" }, statusCode: 401);
        };

        Assert.Equal("auth did not answer in time", await CauseAsync(door, _password));

        Assert.Equal("auth answered 200", await CauseAsync(door, _introspection));
        Assert.Equal(AMomentAgo, await CauseAsync(door, _password));
        full.SetResult();
        Assert.Equal("auth answered 401", await CauseAsync(door, _exchange));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("auth answered 401", await CauseAsync(door, _password));
    }

    [Fact]
    public async Task A_connection_that_breaks_off_stops_its_own_kind_of_question_alone()
    {
        await using var door = await Door.OpenAsync(_clock);
        door.Issuer.Auth.IsAway = true;
        Assert.StartsWith("auth does not answer: ", await CauseAsync(door, _introspection), StringComparison.Ordinal);

        door.Issuer.Auth.IsAway = false;

        Assert.Equal(AMomentAgo, await CauseAsync(door, _introspection));
        Assert.Equal("auth answered 401", await CauseAsync(door, _exchange));
    }

    [Fact]
    public async Task Where_connections_are_refused_nobody_asks_again_for_a_second()
    {
        await using var door = await Door.OpenAsync(_clock, ("mesh:auth:url", "http://127.0.0.1:1"));

        Assert.StartsWith("auth does not answer: ", await CauseAsync(door, _exchange), StringComparison.Ordinal);

        Assert.Equal(AMomentAgo, await CauseAsync(door, _introspection));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.StartsWith("auth does not answer: ", await CauseAsync(door, _introspection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_connection_comes_about_nobody_else_is_made_to_wait_for_one()
    {
        await using var door = await Door.OpenAsync(_clock);
        // A full backlog: the kernel answers no further connection, as a machine that vanished does not.
        using var deaf = new Socket(SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        deaf.Listen(0);
        var fill = Enumerable.Range(0, 4).Select(_ => new TcpClient()).ToArray();
        var pending = fill.Select(client => client.ConnectAsync((IPEndPoint)deaf.LocalEndPoint!, CancellationToken.None).AsTask()).ToArray();
        door.Live.Change(("mesh:auth:url", $"http://{deaf.LocalEndPoint}"));

        Assert.Equal("auth did not answer in time", await CauseAsync(door, _exchange));

        Assert.Equal(AMomentAgo, await CauseAsync(door, _introspection));
        foreach (var client in fill) client.Dispose();
        _ = Task.WhenAll(pending).ContinueWith(task => task.Exception, TaskScheduler.Default);
    }
}
