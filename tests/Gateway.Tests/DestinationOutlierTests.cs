using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Instances that fail are left alone, callers are not made to wait for them, and nobody is ejected for what callers do.</summary>
public sealed class DestinationOutlierTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task<HttpStatusCode> AskAsync(Door door)
    {
        using var answer = await door.GetAsync("/accounts/demo");
        return answer.StatusCode;
    }

    private static Instance[] Known(Door door) => door.Gateway.Services.GetRequiredService<InstanceLists>().Of("account-service");

    [Theory]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task An_instance_that_errs_is_ejected_said_once_shown_in_health_and_taken_back_after_one_good_request(int status)
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock);
        var ill = true;
        var bad = await door.AddAsync("account-service", http =>
        {
            if (Volatile.Read(ref ill)) http.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        await door.AddAsync("account-service");

        var refused = 0;
        while (Known(door).All(instance => instance.Standing.Outage is null))
        {
            if (await AskAsync(door) == (HttpStatusCode)status) refused++;
        }
        var before = bad.Requests.Count;
        Assert.Equal(5, before);
        Assert.Equal(status == 504 ? 5 : 0, refused); // who has waited once is not made to wait a second time
        for (var i = 0; i < 30; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));
        Assert.Equal(before, bad.Requests.Count);
        var ejected = (await HealthAsync(door)).GetProperty("details").GetProperty("ejected")[0].GetString();
        Assert.Equal($"account-service {bad.Url.Authority}: answers with errors, tried again in 5 s", ejected);

        clock.Advance(TimeSpan.FromSeconds(5));
        for (var i = 0; i < 10; i++) await AskAsync(door);
        Assert.Equal(before + 1, bad.Requests.Count); // one, and then ten seconds none
        Volatile.Write(ref ill, false);
        clock.Advance(TimeSpan.FromSeconds(10));
        for (var i = 0; i < 20; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));

        Assert.All(Known(door), instance => Assert.Null(instance.Standing.Outage));
        Assert.Equal("UP", (await HealthAsync(door)).GetProperty("status").GetString());
        Assert.Single(door.Gateway.Logs, line => line.Contains("answers with errors and is ejected for 5 s", StringComparison.Ordinal));
        Assert.Single(door.Gateway.Logs, line => line.Contains("answers again and is back in service", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(501)]
    public async Task What_a_caller_may_have_asked_for_ejects_nobody(int status)
    {
        await using var door = await Door.OpenAsync();
        RequestDelegate answer = http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        };
        await door.AddAsync("account-service", answer);
        await door.AddAsync("account-service", answer);

        for (var i = 0; i < 40; i++) Assert.Equal((HttpStatusCode)status, await AskAsync(door));

        Assert.All(Known(door), instance => Assert.True(instance.Standing.IsSpotless));
    }

    [Fact]
    public async Task Callers_who_hang_up_eject_nobody()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:timeout", "1h"));
        var account = await door.AddAsync("account-service", http => Task.Delay(Timeout.Infinite, http.RequestAborted));

        for (var i = 1; i <= 30; i++)
        {
            using var leaving = new CancellationTokenSource();
            var asking = door.Http.GetAsync(new Uri("/accounts/demo", UriKind.Relative), leaving.Token);
            await Eventually.TrueAsync(() => account.Requests.Count == i, "the request is there");
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        }
        await Eventually.TrueAsync(() => Known(door)[0].Standing.InFlight == 0, "the gateway has let them go");

        Assert.True(Known(door)[0].Standing.IsSpotless);
        Assert.DoesNotContain(door.Gateway.Logs, line => line.Contains("is ejected", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Callers_who_do_not_send_what_they_announced_eject_nobody()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-register:timeout", "1s"));
        await door.AddAsync("account-service", async http => await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var raw = new System.Net.Sockets.TcpClient();
            await raw.ConnectAsync(door.Url.Host, door.Url.Port, Stop);
            await raw.GetStream().WriteAsync("POST /accounts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"u8.ToArray(), Stop);
            var status = await new StreamReader(raw.GetStream()).ReadLineAsync(Stop);
            Assert.Equal("HTTP/1.1 504 Gateway Timeout", status);
        }));

        Assert.True(Known(door)[0].Standing.IsSpotless);
    }

    [Fact]
    public async Task When_every_instance_hangs_callers_are_refused_at_once_until_one_answers_again()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:timeout", "200ms"), ("gateway:routes:slow:path", "/slow"),
            ("gateway:routes:slow:service", "account-service"), ("gateway:routes:slow:access", "public"), ("gateway:routes:slow:timeout", "1h"));
        var well = false;
        var account = await door.AddAsync("account-service", http => Volatile.Read(ref well) ? Task.CompletedTask : Task.Delay(Timeout.Infinite, http.RequestAborted));
        for (var i = 0; i < 5; i++) Assert.Equal(HttpStatusCode.GatewayTimeout, await AskAsync(door));
        Assert.Single(door.Gateway.Logs, line => line.Contains("No instance of account-service can be reached or answers", StringComparison.Ordinal));
        using var leaving = new CancellationTokenSource();
        var probe = door.Http.GetAsync(new Uri("/slow", UriKind.Relative), leaving.Token);
        await Eventually.TrueAsync(() => account.Requests.Count == 6, "one request finds out");

        using (var refused = await door.GetAsync("/accounts/demo"))
        {
            await AccessTests.AssertProblem(refused, 503, "temporarily_unavailable");
            Assert.Equal(2, refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        }
        Assert.Equal(6, account.Requests.Count);
        Assert.Equal("account-service", (await HealthAsync(door)).GetProperty("details").GetProperty("open")[0].GetString());

        Volatile.Write(ref well, true);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => probe);
        await Eventually.AnswersAsync(async () => await AskAsync(door) == HttpStatusCode.OK, "it answers again");
        Assert.Single(door.Gateway.Logs, line => line.Contains("An instance of account-service answers again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_more_requests_wait_for_a_service_than_its_maxInFlight_and_streams_do_not_count()
    {
        await using var door = await Door.OpenAsync(("gateway:services:account-service:maxInFlight", "2"));
        var go = new TaskCompletionSource();
        var account = await door.AddAsync("account-service", async http =>
        {
            if (http.Request.Query.ContainsKey("stream"))
            {
                await http.Response.WriteAsync("begun");
                await http.Response.Body.FlushAsync();
            }
            await go.Task.WaitAsync(http.RequestAborted);
        });
        var streams = new List<HttpResponseMessage>();
        for (var i = 0; i < 4; i++) streams.Add(await door.Http.GetAsync(new Uri("/accounts/demo?stream", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop));
        var waiting = new[] { door.GetAsync("/accounts/demo"), door.GetAsync("/accounts/demo") };
        await Eventually.TrueAsync(() => account.Requests.Count == 6, "two wait");

        using (var third = await door.GetAsync("/accounts/demo"))
        {
            await AccessTests.AssertProblem(third, 503, "temporarily_unavailable");
            Assert.NotNull(third.Headers.RetryAfter);
        }

        go.SetResult();
        foreach (var answer in await Task.WhenAll(waiting)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door));
        streams.ForEach(stream => stream.Dispose());
    }

    [Fact]
    public async Task Who_has_registered_again_is_in_service_at_once_whatever_became_of_the_program_before()
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock);
        var (one, other) = (await door.AddAsync("account-service"), await door.AddAsync("account-service", null, 2));
        await one.KillAsync();
        await Eventually.AnswersAsync(async () => await AskAsync(door) == HttpStatusCode.OK && door.Gateway.Logs.Any(line => line.Contains("could not be reached and is ejected", StringComparison.Ordinal)), "it is ejected");
        await using var again = await Backend.StartAsync(url: one.Url.GetLeftPart(UriPartial.Authority));
        for (var i = 0; i < 10; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));
        Assert.Empty(again.Requests); // the clock stands still: for five seconds it is left out

        door.Registry.Register(one, at: 2);
        await Eventually.AnswersAsync(async () => await AskAsync(door) == HttpStatusCode.OK && !again.Requests.IsEmpty, "it gets its share");
        await other.KillAsync();

        for (var i = 0; i < 20; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));
    }

    [Fact]
    public async Task While_a_change_that_does_not_validate_is_not_taken_back_yet_an_instance_is_ejected_all_the_same()
    {
        await using var door = await Door.OpenAsync(new TestClock());
        await door.AddAsync("account-service", http =>
        {
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await door.AddAsync("account-service");
        Assert.ThrowsAny<Exception>(() => door.Live.Change(("mesh:auth:url", "nowhere")));

        while (Known(door).All(instance => instance.Standing.Outage is null)) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));
    }

    [Fact]
    public async Task A_clock_that_is_set_back_keeps_no_instance_out_for_longer()
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock);
        var ill = true;
        await door.AddAsync("account-service", http =>
        {
            if (Volatile.Read(ref ill)) http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await door.AddAsync("account-service");
        while (Known(door).All(instance => instance.Standing.Outage is null)) await AskAsync(door);

        clock.SetBack(TimeSpan.FromHours(1));
        Assert.EndsWith(", tried again in 5 s", (await HealthAsync(door)).GetProperty("details").GetProperty("ejected")[0].GetString(), StringComparison.Ordinal);
        Volatile.Write(ref ill, false);
        clock.Advance(TimeSpan.FromSeconds(5));
        for (var i = 0; i < 10; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door));

        Assert.All(Known(door), instance => Assert.Null(instance.Standing.Outage));
    }

    [Fact]
    public async Task V_103_who_sends_bodies_slowly_takes_a_part_of_what_may_wait_and_not_the_service_from_all()
    {
        await using var door = await Door.OpenAsync(("gateway:services:account-service:maxInFlight", "17"));
        var account = await door.AddAsync("account-service", async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            await http.Response.WriteAsync("read", http.RequestAborted);
        });
        var slow = new List<(System.Net.Sockets.TcpClient Client, Stream Stream)>();
        for (var i = 0; i < 16; i++) slow.Add(await BeginAsync());
        await Eventually.TrueAsync(() => account.Requests.Count == 16, "all have begun");
        using (var content = new StringContent("x"))
        using (var one = await door.SendAsync(HttpMethod.Post, "/accounts/", null, content))
        {
            await AccessTests.AssertProblem(one, 429, "too_many_requests");
            Assert.NotNull(one.Headers.RetryAfter);
        }
        Assert.Equal(HttpStatusCode.OK, await AskAsync(door)); // and the service is there for everybody else

        await slow[0].Stream.WriteAsync("world"u8.ToArray(), Stop);
        using var rest = new StreamReader(slow[0].Stream);
        Assert.Equal("HTTP/1.1 200 OK", await rest.ReadLineAsync(Stop));
        using (var again = new StringContent("x"))
        using (var next = await door.SendAsync(HttpMethod.Post, "/accounts/", null, again)) Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        // Who leaves gives his place back too.
        foreach (var (client, _) in slow) client.Dispose();
        await Eventually.AnswersAsync(async () =>
        {
            var many = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
            {
                using var content = new StringContent("x");
                using var answer = await door.SendAsync(HttpMethod.Post, "/accounts/", null, content);
                return answer.StatusCode;
            }));
            return many.All(status => status == HttpStatusCode.OK);
        }, "all places are free");

        async Task<(System.Net.Sockets.TcpClient, Stream)> BeginAsync()
        {
            var client = new System.Net.Sockets.TcpClient();
            await client.ConnectAsync(door.Url.Host, door.Url.Port, Stop);
            var stream = client.GetStream();
            await stream.WriteAsync("POST /accounts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello"u8.ToArray(), Stop);
            return (client, stream);
        }
    }

    [Fact]
    public async Task A_service_without_a_retry_budget_gets_each_request_once()
    {
        await using var door = await Door.OpenAsync(("gateway:services:account-service:retryBudget", "0"));
        RequestDelegate breaks = http =>
        {
            http.Abort();
            return Task.CompletedTask;
        };
        var (one, other) = (await door.AddAsync("account-service", breaks), await door.AddAsync("account-service", breaks));

        for (var i = 0; i < 4; i++) Assert.Equal(HttpStatusCode.BadGateway, await AskAsync(door));

        Assert.Equal(4, one.Requests.Count + other.Requests.Count);
        Assert.Contains(door.Gateway.Logs, line => line.Contains("the retry budget of the service is spent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_route_says_how_many_further_instances_are_tried()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:retries", "1"));
        RequestDelegate breaks = http =>
        {
            http.Abort();
            return Task.CompletedTask;
        };
        var all = new[] { await door.AddAsync("account-service", breaks), await door.AddAsync("account-service", breaks), await door.AddAsync("account-service", breaks) };

        Assert.Equal(HttpStatusCode.BadGateway, await AskAsync(door));

        Assert.Equal(2, all.Sum(backend => backend.Requests.Count));
    }

    [Fact]
    public async Task A_request_under_way_is_finished_by_an_instance_that_has_left_and_by_a_route_that_was_changed()
    {
        await using var door = await Door.OpenAsync();
        var go = new TaskCompletionSource();
        var leaving = await door.AddAsync("account-service", async http =>
        {
            await go.Task.WaitAsync(http.RequestAborted);
            await http.Response.WriteAsync("late");
        });
        var asking = door.GetAsync("/accounts/demo");
        await Eventually.TrueAsync(() => leaving.Requests.Count == 1, "it is under way");

        door.Registry.Remove(leaving);
        await door.KnowsAsync("account-service", 0);
        await door.AddAsync("account-service", http => http.Response.WriteAsync("new"));
        door.Live.Change(("gateway:routes:accounts-demo:path", "/elsewhere"));
        await Eventually.AnswersAsync(async () => (await door.GetAsync("/elsewhere")).StatusCode == HttpStatusCode.OK, "the changed route is in force");
        for (var i = 0; i < 10; i++) using (await door.GetAsync("/elsewhere")) { }

        Assert.Single(leaving.Requests); // nothing new goes there
        go.SetResult();
        using var answer = await asking;
        Assert.Equal("late", await answer.Content.ReadAsStringAsync(Stop));
    }

    private static async Task<JsonElement> HealthAsync(Door door)
    {
        using var answer = await door.GetAsync("/actuator/health", door.Issuer.UserToken("admin", "uaa.admin"));
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Stop)).RootElement.GetProperty("components").GetProperty("destinations");
    }
}
