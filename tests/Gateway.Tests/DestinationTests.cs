using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using SecureMesh.Sdk;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class DestinationTests
{
    private static RequestDelegate Says(string text) => http => http.Response.WriteAsync(text);

    private static async Task<string> AskAsync(Door door)
    {
        using var answer = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_instance_gets_requests_from_its_registration_to_its_stop_and_both_share_them()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", Says("one"));
        Assert.Equal("one", await AskAsync(door));

        var two = await door.AddAsync("account-service", Says("two"));
        var answers = new ConcurrentBag<string>();
        for (var i = 0; i < 60; i++) answers.Add(await AskAsync(door));
        Assert.Contains("one", answers);
        Assert.Contains("two", answers);

        door.Registry.Remove(two);
        await door.KnowsAsync("account-service", 1);
        for (var i = 0; i < 20; i++) Assert.Equal("one", await AskAsync(door));
    }

    [Theory]
    [InlineData("DOWN")]
    [InlineData("STARTING")]
    [InlineData("OUT_OF_SERVICE")]
    [InlineData("UNKNOWN")]
    public async Task An_instance_that_is_not_UP_gets_none(string status)
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", Says("up"));
        await using var other = await Backend.StartAsync(Says("other"));
        door.Registry.Add("account-service", other, status);
        await door.AddAsync("auth-service"); // a later change that has arrived: so has the one before
        for (var i = 0; i < 20; i++) Assert.Equal("up", await AskAsync(door));
    }

    [Fact]
    public async Task A_registration_with_a_useless_address_costs_the_others_nothing()
    {
        await using var door = await Door.OpenAsync();
        var none = new Dictionary<string, string>();
        door.Registry.Set([
            new ServiceInstance("a", "ACCOUNT-SERVICE", ["account-service"], "UP", new Uri("ftp://127.0.0.1/"), none),
            new ServiceInstance("b", "ACCOUNT-SERVICE", ["account-service"], "UP", new Uri("/relative", UriKind.Relative), none),
        ]);
        await door.AddAsync("account-service", Says("good"), count: 1);

        Assert.Equal("good", await AskAsync(door));
        Assert.Contains(door.Gateway.Logs, line => line.Contains("is no http or https URL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_of_two_instances_killed_under_load_fails_no_GET()
    {
        await using var door = await Door.OpenAsync();
        RequestDelegate slow = async http =>
        {
            await Task.Delay(5, http.RequestAborted);
            await http.Response.WriteAsync("hello");
        };
        await door.AddAsync("account-service", slow);
        var doomed = await door.AddAsync("account-service", slow);
        using var stop = new CancellationTokenSource();
        var statuses = new ConcurrentQueue<HttpStatusCode>();
        var load = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var answer = await door.GetAsync("/accounts/demo");
                statuses.Enqueue(answer.StatusCode);
            }
        }, TestContext.Current.CancellationToken)).ToArray();
        await Eventually.TrueAsync(() => doomed.Requests.Count > 100, "the load has reached the instance");

        await doomed.KillAsync();

        var atTheKill = statuses.Count;
        await Eventually.TrueAsync(() => statuses.Count > atTheKill + 500, "the load goes on"); // the registry still lists the dead one
        await stop.CancelAsync();
        await Task.WhenAll(load);
        Assert.All(statuses, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task A_refused_connection_sends_a_POST_with_its_body_to_another_instance()
    {
        await using var door = await Door.OpenAsync();
        var dead = await door.AddAsync("account-service");
        await dead.KillAsync();
        var bodies = new ConcurrentQueue<string>();
        await door.AddAsync("account-service", async http => bodies.Enqueue(await new StreamReader(http.Request.Body).ReadToEndAsync()));

        for (var i = 0; i < 10; i++)
        {
            using var answer = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new StringContent($"body {i}"));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"body {i}"), bodies);
        Assert.Empty(dead.Requests);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData(null)]
    public async Task A_POST_that_a_service_has_begun_is_never_sent_twice(string? body)
    {
        await using var door = await Door.OpenAsync();
        var received = 0;
        var calm = true;
        RequestDelegate breaks = async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            if (Volatile.Read(ref calm)) return;
            Interlocked.Increment(ref received);
            http.Abort();
        };
        await door.AddAsync("account-service", breaks);
        await door.AddAsync("account-service", breaks);
        // Connections that were in use before, because the transport itself repeats requests on those.
        for (var i = 0; i < 10; i++) using (await PostAsync()) { }
        Volatile.Write(ref calm, false);

        using var answer = await PostAsync();

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal(1, received);

        Task<HttpResponseMessage> PostAsync() => door.SendAsync(HttpMethod.Post, "/accounts/", content: body is null ? null : new StringContent(body));
    }

    [Fact]
    public async Task A_GET_that_breaks_off_before_the_answer_goes_to_another_instance()
    {
        await using var door = await Door.OpenAsync();
        var broken = await door.AddAsync("account-service", http => { http.Abort(); return Task.CompletedTask; });
        await door.AddAsync("account-service", Says("whole"));

        for (var i = 0; i < 20; i++) Assert.Equal("whole", await AskAsync(door));

        Assert.NotEmpty(broken.Requests);
    }

    [Fact]
    public async Task A_PUT_whose_body_was_sent_is_not_sent_again()
    {
        await using var door = await Door.OpenAsync();
        var received = 0;
        RequestDelegate breaks = async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            Interlocked.Increment(ref received);
            http.Abort();
        };
        await door.AddAsync("account-service", breaks);
        await door.AddAsync("account-service", breaks);

        using var answer = await door.SendAsync(HttpMethod.Put, "/accounts/current", door.Issuer.UserToken("alice", "ui"), new StringContent("{}"));

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal(1, received);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_in_the_middle_does_not_look_whole()
    {
        await using var door = await Door.OpenAsync();
        var read = new TaskCompletionSource();
        await door.AddAsync("account-service", async http =>
        {
            http.Response.ContentLength = 1000;
            await http.Response.WriteAsync("half");
            await http.Response.Body.FlushAsync();
            await read.Task;
            http.Abort();
        });

        using var answer = await door.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        read.SetResult();
        await Assert.ThrowsAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_destination_that_refused_is_avoided_for_a_while()
    {
        await using var door = await Door.OpenAsync();
        await (await door.AddAsync("account-service")).KillAsync();
        await door.AddAsync("account-service", Says("good"));
        await Eventually.AnswersAsync(async () =>
        {
            await AskAsync(door);
            return door.Gateway.Logs.Any(line => line.Contains("could not be reached", StringComparison.Ordinal));
        }, "the dead one was tried");

        for (var i = 0; i < 50; i++) await AskAsync(door);

        var tries = door.Gateway.Logs.Count(line => line.Contains("could not be reached", StringComparison.Ordinal));
        Assert.InRange(tries, 1, 3);
    }

    [Fact]
    public async Task An_instance_that_does_not_take_connections_is_given_up_after_two_seconds()
    {
        await using var door = await Door.OpenAsync();
        // A full backlog: the kernel answers no further connection, as a machine that vanished does not.
        using var deaf = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        deaf.Listen(0);
        var fill = Enumerable.Range(0, 4).Select(_ => new System.Net.Sockets.TcpClient()).ToArray();
        var pending = fill.Select(client => client.ConnectAsync((IPEndPoint)deaf.LocalEndPoint!, CancellationToken.None).AsTask()).ToArray();
        door.Registry.Set([new ServiceInstance("deaf", "ACCOUNT-SERVICE", ["account-service"], "UP", new Uri($"http://{deaf.LocalEndPoint}"), new Dictionary<string, string>())]);
        await door.KnowsAsync("account-service", 1);

        var watch = Stopwatch.StartNew();
        using var alone = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.GatewayTimeout, alone.StatusCode);
        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(1.5)); // it waited for the connection and did not give up at once

        await door.AddAsync("account-service", Says("good"));
        for (var i = 0; i < 5; i++) Assert.Equal("good", await AskAsync(door));

        foreach (var client in fill) client.Dispose();
        _ = Task.WhenAll(pending).ContinueWith(task => task.Exception, TaskScheduler.Default);
    }
}
