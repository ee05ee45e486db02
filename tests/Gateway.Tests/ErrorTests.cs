using System.Net;
using Microsoft.AspNetCore.Http;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>What the caller reads when the gateway answers itself, in both dialects, and that a service's own errors pass unchanged.</summary>
public sealed class ErrorTests
{
    private static async Task AssertUaa(HttpResponseMessage answer, int status, string error)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.ToString());
        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Matches("^\\{\"error\":\"" + error + "\",\"error_description\":\"[^\"\\\\]+\"\\}$", body);
        Assert.Matches("^[0-9a-f]{32}$", answer.Headers.GetValues("X-Trace-Id").Single());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/nothing/here.json")]
    [InlineData("POST", "/statistics/current")]
    [InlineData("GET", "/account")]
    [InlineData("DELETE", "/healthz")]
    [InlineData("GET", "/actuator/env")]
    public async Task An_unknown_path_is_404_for_every_method(string method, string path)
    {
        await using var door = await Door.OpenAsync();
        using var answer = await door.SendAsync(new HttpMethod(method), path);
        await AccessTests.AssertProblem(answer, 404, "not_found");
    }

    [Fact]
    public async Task A_service_without_an_instance_is_503_with_Retry_After()
    {
        await using var door = await Door.OpenAsync();

        using var account = await door.GetAsync("/accounts/demo");
        await AccessTests.AssertProblem(account, 503, "temporarily_unavailable");
        Assert.NotNull(account.Headers.RetryAfter);

        using var auth = await door.GetAsync("/uaa/oauth/token");
        await AssertUaa(auth, 503, "temporarily_unavailable");
        Assert.NotNull(auth.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_service_whose_instances_all_fail_is_502()
    {
        await using var door = await Door.OpenAsync();
        await (await door.AddAsync("account-service")).KillAsync();
        await (await door.AddAsync("auth-service")).KillAsync();

        using var account = await door.GetAsync("/accounts/demo");
        await AccessTests.AssertProblem(account, 502, "bad_gateway");
        using var auth = await door.GetAsync("/uaa/oauth/token");
        await AssertUaa(auth, 502, "bad_gateway");
    }

    [Fact]
    public async Task A_service_that_breaks_off_or_talks_nonsense_is_502()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", http => { http.Abort(); return Task.CompletedTask; });

        using var answer = await door.GetAsync("/accounts/demo");
        await AccessTests.AssertProblem(answer, 502, "bad_gateway");
    }

    [Fact]
    public async Task A_service_that_is_too_slow_is_504()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-demo:timeout", "200ms"), ("gateway:routes:uaa:timeout", "200ms"));
        await door.AddAsync("account-service", http => Task.Delay(Timeout.Infinite, http.RequestAborted));
        await door.AddAsync("auth-service", http => Task.Delay(Timeout.Infinite, http.RequestAborted));

        using var account = await door.GetAsync("/accounts/demo");
        await AccessTests.AssertProblem(account, 504, "gateway_timeout");
        using var auth = await door.GetAsync("/uaa/oauth/token");
        await AssertUaa(auth, 504, "gateway_timeout");
    }

    [Fact]
    public async Task Too_many_requests_are_429_with_Retry_After_before_any_token_is_looked_at()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:routes:accounts-register:limits:perAddress", "2/minute"), ("gateway:routes:uaa:limits:perAddress", "1/minute"),
            ("gateway:routes:accounts:limits:perAddress", "1/hour"));
        await door.AddAsync("account-service");
        await door.AddAsync("auth-service");

        for (var i = 0; i < 2; i++)
        {
            using var granted = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new StringContent("{}"));
            Assert.Equal(HttpStatusCode.OK, granted.StatusCode);
        }
        using var post = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new StringContent("{}"));
        await AccessTests.AssertProblem(post, 429, "too_many_requests");
        Assert.InRange(post.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 30);

        using var first = await door.GetAsync("/uaa/x");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var second = await door.GetAsync("/uaa/x");
        await AssertUaa(second, 429, "too_many_requests");

        using var unknown = await door.GetAsync("/accounts/current", "bad");
        Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
        using var flood = await door.GetAsync("/accounts/current", "bad");
        await AccessTests.AssertProblem(flood, 429, "too_many_requests");
    }

    [Fact]
    public async Task A_body_above_the_routes_limit_is_413_whether_its_length_is_told_or_not()
    {
        await using var door = await Door.OpenAsync(("gateway:routes:accounts-register:maxBodyBytes", "1000"));
        await door.AddAsync("account-service", async http =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            await http.Response.WriteAsync("taken");
        });

        using var fits = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new ByteArrayContent(new byte[1000]));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);

        using var told = await door.SendAsync(HttpMethod.Post, "/accounts/", content: new ByteArrayContent(new byte[1001]));
        await AccessTests.AssertProblem(told, 413, "request_too_large");

        var chunk = new string('x', 1001);
        var untold = await RawHttp.SendAsync(door.Url, $"POST /accounts/ HTTP/1.1\r\nHost: {door.Url.Authority}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{chunk}\r\n0\r\n\r\n");
        Assert.Equal(413, untold.Status);
        Assert.Contains("request_too_large", untold.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, "{\"error\":\"invalid_grant\"}")]
    [InlineData(404, "")]
    [InlineData(503, "")]
    [InlineData(500, "<html>oops</html>")]
    public async Task A_services_own_error_passes_unchanged(int status, string body)
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", http =>
        {
            http.Response.StatusCode = status;
            if (body.Length == 0) return Task.CompletedTask;
            http.Response.ContentType = "text/x-own";
            return http.Response.WriteAsync(body);
        });

        using var answer = await door.GetAsync("/accounts/demo");

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(body, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(body.Length == 0 ? null : "text/x-own", answer.Content.Headers.ContentType?.ToString());
    }

    [Fact]
    public async Task A_caller_who_leaves_is_no_error_and_the_next_request_is_served()
    {
        await using var door = await Door.OpenAsync();
        var arrived = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await door.AddAsync("account-service", async http =>
        {
            if (http.Request.QueryString.HasValue)
            {
                arrived.SetResult();
                http.RequestAborted.Register(cancelled.SetResult);
                await cancelled.Task;
                return;
            }
            await http.Response.WriteAsync("hello");
        });
        using (var leave = new CancellationTokenSource())
        {
            var call = door.Http.GetAsync(new Uri("/accounts/demo?wait", UriKind.Relative), leave.Token);
            await arrived.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken); // the service hears of it
        using var next = await door.GetAsync("/accounts/demo");
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.DoesNotContain(door.Gateway.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) || line.StartsWith("Critical", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Neither_tokens_nor_queries_nor_cookies_stand_in_the_log()
    {
        await using var door = await Door.OpenAsync();
        var account = await door.AddAsync("account-service");
        await door.AddAsync("auth-service");
        var token = door.Issuer.UserToken("alice", "ui");
        await door.GetAsync("/accounts/current?code=canary-query", token);
        await door.GetAsync("/accounts/current", token + "canary-token");
        await door.GetAsync("/uaa/x", "canary-relayed", ("Cookie", "s=canary-cookie"));
        await account.KillAsync();
        await door.GetAsync("/accounts/current?code=canary-query", token);

        var log = string.Join('\n', door.Gateway.Logs);

        Assert.Contains("Route accounts got no answer", log, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", log, StringComparison.Ordinal);
        Assert.DoesNotContain(token.Split('.')[2], log, StringComparison.Ordinal);
    }
}
