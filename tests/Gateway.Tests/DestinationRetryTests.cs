using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Destinations;
using SecureMesh.Gateway.Passport;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Of what one instance answers another one is asked, when it may know better; in all other cases the answer is the caller's.</summary>
public sealed class DestinationRetryTests
{
    private const string NotTaken = "Bearer realm=\"securemesh\", error=\"invalid_token\", error_description=\"The access token is not valid\"";
    private const int Many = 200; // far more requests than it takes until the draw has come to each of two instances

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Instance[] Known(Door door) => door.Gateway.Services.GetRequiredService<InstanceLists>().Of("account-service");

    private static async Task<HttpStatusCode> AskAsync(Door door, HttpMethod method, string path, string? token = null)
    {
        using var answer = await door.SendAsync(method, path, token);
        return answer.StatusCode;
    }

    /// <summary>Asks until an answer comes that is the wanted one.</summary>
    private static async Task<bool> ComesAsync(HttpStatusCode wanted, Func<Task<HttpStatusCode>> ask)
    {
        for (var i = 0; i < Many; i++)
        {
            if (await ask() == wanted) return true;
        }
        return false;
    }

    private static RequestDelegate Answering(int status, string? challenge = null) => http =>
    {
        http.Response.StatusCode = status;
        if (challenge is not null) http.Response.Headers.WWWAuthenticate = challenge;
        return Task.CompletedTask;
    };

    [Fact]
    public async Task Who_is_asked_much_later_than_the_first_gets_a_passport_that_is_good_then()
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock, ("gateway:routes:accounts:timeout", "5m"), ("gateway:idleTimeout", "5m"), ("gateway:routes:accounts:revocation", "open"));
        var died = 0;
        RequestDelegate dying = http =>
        {
            if (Interlocked.Exchange(ref died, 1) == 1) return http.Response.WriteAsync("well");
            clock.Advance(PassportMint.Lifetime);
            http.Abort();
            return Task.CompletedTask;
        };
        Backend[] both = [await door.AddAsync("account-service", dying), await door.AddAsync("account-service", dying)];
        var token = door.Issuer.UserToken("alice", "ui");

        using var answer = await door.GetAsync("/accounts/current", token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var ends = both.Select(backend => Ends(Assert.Single(backend.Requests))).Order().ToList();
        Assert.Equal(PassportMint.Lifetime.TotalSeconds, ends[1] - ends[0]);

        static long Ends(Received received) =>
            JsonDocument.Parse(Base64Url.DecodeFromChars(received.Headers["Authorization"].Split('.')[1])).RootElement.GetProperty("exp").GetInt64();
    }

    [Theory]
    [InlineData(502)]
    [InlineData(503)]
    public async Task What_one_instance_cannot_answer_another_one_is_asked_and_the_last_word_is_the_callers(int status)
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:limits:perAddress", "1000/minute"));
        var ill = true;
        RequestDelegate answer = async http =>
        {
            http.Response.StatusCode = status;
            http.Response.Headers["X-From"] = "the ill one";
            await http.Response.WriteAsync(new string('x', 10_000));
        };
        var bad = await door.AddAsync("account-service", answer);
        var other = await door.AddAsync("account-service", http => Volatile.Read(ref ill) ? http.Response.WriteAsync("well") : answer(http));

        for (var i = 0; i < Many && bad.Requests.Count < 2; i++)
        {
            using var good = await door.GetAsync("/accounts/demo");
            Assert.Equal((HttpStatusCode.OK, "well"), (good.StatusCode, await good.Content.ReadAsStringAsync(Stop)));
            Assert.False(good.Headers.Contains("X-From")); // nothing of the answer that did not count
            Assert.Single(good.Headers.GetValues("RateLimit"));
            Assert.Single(good.Headers.GetValues("X-Trace-Id"));
        }
        Assert.Equal(2, bad.Requests.Count);
        // What may have done something is done once.
        Assert.True(await ComesAsync((HttpStatusCode)status, () => AskAsync(door, HttpMethod.Post, "/accounts/")));
        Assert.Equal(3, bad.Requests.Count);
        Volatile.Write(ref ill, false);
        var before = bad.Requests.Count + other.Requests.Count;
        using var last = await door.GetAsync("/accounts/demo");

        Assert.Equal((HttpStatusCode)status, last.StatusCode);
        Assert.Equal("the ill one", last.Headers.GetValues("X-From").Single());
        Assert.Equal(10_000, (await last.Content.ReadAsStringAsync(Stop)).Length);
        Assert.Equal(before + 2, bad.Requests.Count + other.Requests.Count);
    }

    [Theory]
    [InlineData("gateway:services:account-service:retryBudget")]
    [InlineData("gateway:routes:accounts-demo:retries")]
    public async Task Who_wants_no_retries_reads_every_answer(string setting)
    {
        await using var door = await Door.OpenAsync((setting, "0"));
        await door.AddAsync("account-service", Answering(503));
        await door.AddAsync("account-service");

        Assert.True(await ComesAsync(HttpStatusCode.ServiceUnavailable, () => AskAsync(door, HttpMethod.Get, "/accounts/demo")));
    }

    [Fact]
    public async Task A_body_that_was_sent_is_not_sent_again()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            http.Response.StatusCode = 503;
        });
        await door.AddAsync("account-service");
        var token = door.Issuer.UserToken("demo", "ui");

        Assert.True(await ComesAsync(HttpStatusCode.ServiceUnavailable, async () =>
        {
            using var content = new StringContent("body");
            using var answer = await door.SendAsync(HttpMethod.Put, "/accounts/current", token, content);
            return answer.StatusCode;
        }));
    }

    [Fact]
    public async Task An_answer_is_not_given_up_for_a_try_at_an_instance_that_fails()
    {
        await using var door = await Door.OpenAsync(new TestClock());
        var dead = await door.AddAsync("account-service");
        await door.AddAsync("account-service", http =>
        {
            http.Response.StatusCode = 503;
            http.Response.Headers.RetryAfter = "17";
            return Task.CompletedTask;
        }, 2);
        await dead.KillAsync();
        var ejected = await ComesAsync(HttpStatusCode.ServiceUnavailable, () => AskAsync(door, HttpMethod.Get, "/accounts/demo"))
            && Known(door).Single(instance => instance.Address.Port == dead.Url.Port).Standing.Outage is not null;
        for (var i = 0; i < Many && !ejected; i++)
        {
            await AskAsync(door, HttpMethod.Get, "/accounts/demo");
            ejected = Known(door).Single(instance => instance.Address.Port == dead.Url.Port).Standing.Outage is not null;
        }
        var until = Known(door).Single(instance => instance.Address.Port == dead.Url.Port).Standing.Outage!.Until;

        for (var i = 0; i < 3; i++)
        {
            using var answer = await door.GetAsync("/accounts/demo");
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "17"), (answer.StatusCode, answer.Headers.RetryAfter!.ToString()));
        }

        Assert.Equal(until, Known(door).Single(instance => instance.Address.Port == dead.Url.Port).Standing.Outage!.Until);
    }

    [Fact]
    public async Task Who_was_kept_waiting_for_an_answer_gets_it()
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock, ("gateway:routes:accounts-demo:timeout", "10s"));
        var slow = await door.AddAsync("account-service", http =>
        {
            clock.Advance(TimeSpan.FromSeconds(6));
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await door.AddAsync("account-service");

        Assert.True(await ComesAsync(HttpStatusCode.ServiceUnavailable, () => AskAsync(door, HttpMethod.Get, "/accounts/demo")));
        Assert.NotEmpty(slow.Requests);
    }

    [Fact]
    public async Task Requests_that_nobody_has_answered_have_half_of_the_retry_budget_for_themselves()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:errs:path", "/errs"), ("gateway:routes:errs:service", "account-service"), ("gateway:routes:errs:access", "public"));
        RequestDelegate answer = http =>
        {
            if (http.Request.Path == "/errs") http.Response.StatusCode = 503;
            else http.Abort();
            return Task.CompletedTask;
        };
        var all = new[] { await door.AddAsync("account-service", answer), await door.AddAsync("account-service", answer) };
        var service = door.Gateway.Services.GetRequiredService<InstanceLists>().Find("account-service")!;
        var taken = 0;
        while (service.TryRetry(20, parts: 2)) taken++; // as many as answers may take
        Assert.InRange(taken, 1, 60);

        var before = all.Sum(backend => backend.Requests.Count);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await AskAsync(door, HttpMethod.Get, "/errs"));
        Assert.Equal(before + 1, all.Sum(backend => backend.Requests.Count));
        Assert.Equal(HttpStatusCode.BadGateway, await AskAsync(door, HttpMethod.Get, "/accounts/demo"));
        Assert.Equal(before + 3, all.Sum(backend => backend.Requests.Count));
    }

    [Fact]
    public async Task An_instance_that_takes_no_passport_makes_no_caller_look_signed_out()
    {
        var clock = new TestClock();
        await using var door = await Door.OpenAsync(clock,
            ("gateway:routes:as-it-is:path", "/as-it-is"), ("gateway:routes:as-it-is:service", "account-service"), ("gateway:routes:as-it-is:scopes:0", "ui"), ("gateway:routes:as-it-is:relay", "passthrough"));
        await Eventually.TrueAsync(() => door.Gateway.Services.GetRequiredService<ITokenRevocations>().IsCurrent, "the feed is heard");
        var (challenge, all) = (NotTaken, false);
        Task RefuseAsync(HttpContext http) => Answering(401, Volatile.Read(ref challenge))(http);
        var stale = await door.AddAsync("account-service", RefuseAsync);
        var other = await door.AddAsync("account-service", http => Volatile.Read(ref all) ? RefuseAsync(http) : Task.CompletedTask);
        var token = door.Issuer.UserToken("demo", "ui");

        for (var i = 0; i < Many && stale.Requests.Count < 8; i++) Assert.Equal(HttpStatusCode.OK, await AskAsync(door, HttpMethod.Get, "/accounts/current", token));
        Assert.Equal(8, stale.Requests.Count);
        var id = Known(door).Single(instance => instance.Address.Port == stale.Url.Port).Id;
        Assert.Contains(door.Gateway.Logs, line => line.Contains($"The instance {id} took no passport", StringComparison.Ordinal));
        Assert.All(Known(door), instance => Assert.Null(instance.Standing.Outage)); // whoever is revoked could eject it otherwise
        // What may have done something is done once; a caller's own token is judged by the service, and so is whatever else it asks for.
        Assert.True(await ComesAsync(HttpStatusCode.Unauthorized, () => AskAsync(door, HttpMethod.Post, "/accounts/current", token)));
        Assert.True(await ComesAsync(HttpStatusCode.Unauthorized, () => AskAsync(door, HttpMethod.Get, "/as-it-is", token)));
        Volatile.Write(ref challenge, "Basic realm=\"of its own\"");
        Assert.True(await ComesAsync(HttpStatusCode.Unauthorized, () => AskAsync(door, HttpMethod.Get, "/accounts/current", token)));
        // When nobody takes it, that is the answer.
        Volatile.Write(ref challenge, "bearer error=\"invalid_token\"");
        Volatile.Write(ref all, true);
        var before = stale.Requests.Count + other.Requests.Count;
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(door, HttpMethod.Get, "/accounts/current", token));
        Assert.Equal(before + 2, stale.Requests.Count + other.Requests.Count);
        Volatile.Write(ref all, false);

        // And while this gateway cannot hear of revocations, the instance may be right.
        door.Issuer.Auth.IsFeedAway = true;
        door.Issuer.Auth.CutFeed();
        await Eventually.TrueAsync(() => door.Issuer.Auth.Followers == 0, "the feed is cut");
        door.Issuer.Auth.Opaque[token] = door.Issuer.Claims();
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.True(await ComesAsync(HttpStatusCode.Unauthorized, () => AskAsync(door, HttpMethod.Get, "/accounts/current", token)));
    }
}
