using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Sdk.Tests.Errors;

public sealed class ErrorTests : IAsyncLifetime
{
    private Service _service = null!;

    private sealed record Note(string Text, int Number);

    public async ValueTask InitializeAsync() => _service = await Service.StartAsync(Map);

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    private static void Map(WebApplication app)
    {
        app.MapPost("/notes", (Note note) => note.Text).AllowAnonymous();
        app.MapGet("/notes/{id:int}", (int id, [FromQuery] int page) => id + page).AllowAnonymous();
        app.MapGet("/bug", string () => throw new InvalidOperationException("connection string with a password")).AllowAnonymous();
        app.MapGet("/half", async (HttpContext http) =>
        {
            await http.Response.WriteAsync(new string('x', 100_000));
            await http.Response.Body.FlushAsync();
            throw new InvalidOperationException("too late");
        }).AllowAnonymous();
        app.MapGet("/full", () =>
        {
            // SQLite's own answer to a page that has no room any more.
            using var database = new SqliteConnection("Data Source=:memory:");
            database.Open();
            foreach (var sql in new[] { "CREATE TABLE a (b BLOB)", "PRAGMA max_page_count = 10", "INSERT INTO a VALUES (zeroblob(1000000))" })
            {
                using var command = new SqliteCommand(sql, database);
                command.ExecuteScalar();
            }
            return "stored";
        }).AllowAnonymous();
        app.MapGet("/gone", () => Results.NotFound()).AllowAnonymous();
        app.MapGet("/own", () => Results.NotFound()).AllowAnonymous().WithOwnErrors();
        app.MapPost("/form", async (HttpContext http) => (await http.Request.ReadFormAsync()).Count).AllowAnonymous();
        app.MapGet("/address", (HttpContext http) => $"{http.Request.Scheme} {http.Connection.RemoteIpAddress}").AllowAnonymous();
        app.MapGet("/echo/{**rest}", (string rest, HttpContext http) => rest + http.Request.Query.Count).AllowAnonymous();
    }

    private static void IsProblem(Answer answer, int status, string error)
    {
        Assert.Equal((status, error), (answer.Status, answer.Error));
        Assert.Equal("application/problem+json", answer.ContentHeaders.ContentType?.MediaType);
        Assert.NotEqual(true, answer.Headers.TransferEncodingChunked); // in one piece
        Assert.Equal(status, answer.Json.GetProperty("status").GetInt32());
        Assert.NotEmpty(answer.Json.GetProperty("detail").GetString()!);
        Assert.Equal(Assert.Single(answer.Headers.GetValues("X-Trace-Id")), answer.Json.GetProperty("traceId").GetString());
    }

    private Task<Answer> PostAsync(string path, string body, string type = "application/json") =>
        _service.SendAsync(HttpMethod.Post, path, null, new StringContent(body, Encoding.UTF8, type));

    [Fact]
    public async Task An_unknown_path_is_a_404_problem() => IsProblem(await _service.GetAsync("/nowhere"), 404, "not_found");

    [Fact]
    public async Task A_full_disk_is_a_503_problem_that_says_when_to_come_again()
    {
        var answer = await _service.GetAsync("/full");

        IsProblem(answer, 503, "temporarily_unavailable");
        Assert.NotNull(answer.Headers.RetryAfter?.Delta);
        Assert.Contains(_service.Logs, line => line.Contains("database or disk is full", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_unknown_path_with_a_bad_token_is_still_404() => IsProblem(await _service.GetAsync("/nowhere", "bad"), 404, "not_found");

    [Fact]
    public async Task Another_method_is_a_405_problem_with_Allow()
    {
        var answer = await _service.SendAsync(HttpMethod.Delete, "/notes", null);

        IsProblem(answer, 405, "method_not_allowed");
        Assert.Equal(["POST"], answer.ContentHeaders.Allow);
    }

    [Theory]
    [InlineData("not json", "application/json", 400, "invalid_request")]
    [InlineData("", "application/json", 400, "invalid_request")]
    [InlineData("null", "application/json", 400, "invalid_request")]
    [InlineData("""{"text":"a","number":"many"}""", "application/json", 400, "invalid_request")]
    [InlineData("""{"text":"a","number":99999999999999999999}""", "application/json", 400, "invalid_request")]
    [InlineData("[[[[[[[[[[", "application/json", 400, "invalid_request")]
    [InlineData("a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type")]
    public async Task A_body_that_does_not_bind_is_a_problem(string body, string type, int status, string error) =>
        IsProblem(await PostAsync("/notes", body, type), status, error);

    [Fact]
    public async Task Broken_UTF_8_in_a_body_is_400()
    {
        using var body = new ByteArrayContent([.. "{\"text\":\""u8, 0xFF, 0xFE, .. "\",\"number\":1}"u8]);
        body.Headers.ContentType = new("application/json");

        IsProblem(await _service.SendAsync(HttpMethod.Post, "/notes", null, body), 400, "invalid_request");
    }

    [Theory]
    [InlineData("/notes/1?page=x")]
    [InlineData("/notes/1")]
    public async Task A_query_that_does_not_bind_is_a_400_problem(string path) => IsProblem(await _service.GetAsync(path), 400, "invalid_request");

    [Fact]
    public async Task K_14_a_body_over_1_MiB_is_a_413_problem() =>
        IsProblem(await PostAsync("/notes", "\"" + new string('x', 1024 * 1024) + "\""), 413, "request_too_large");

    [Fact]
    public async Task A_form_with_too_many_keys_or_a_broken_multipart_body_is_400()
    {
        IsProblem(await PostAsync("/form", string.Join('&', Enumerable.Range(0, 2000).Select(i => $"k{i}=v")), "application/x-www-form-urlencoded"), 400, "invalid_request");
        IsProblem(await PostAsync("/form", new string('k', 5000) + "=v", "application/x-www-form-urlencoded"), 400, "invalid_request");
        using var multipart = new ByteArrayContent("--b\r\nno end"u8.ToArray());
        multipart.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=b");
        IsProblem(await _service.SendAsync(HttpMethod.Post, "/form", null, multipart), 400, "invalid_request");
    }

    [Fact]
    public async Task A_bug_is_one_logged_error_and_a_bare_500_and_the_process_lives()
    {
        var answer = await _service.GetAsync("/bug");

        IsProblem(answer, 500, "server_error");
        Assert.DoesNotContain("password", answer.Body);
        Assert.Contains("connection string", Assert.Single(_service.Logs, line => line.StartsWith("Error ", StringComparison.Ordinal)));
        Assert.Equal(404, (await _service.GetAsync("/nowhere")).Status);
    }

    [Fact]
    public async Task The_developer_page_is_never_shown()
    {
        await using var development = await Service.StartAsync(Map, environment: "Development");

        var bug = await development.GetAsync("/bug");

        IsProblem(bug, 500, "server_error");
        Assert.DoesNotContain("password", bug.Body);
        IsProblem(await development.GetAsync("/notes/1?page=x"), 400, "invalid_request");
    }

    [Fact]
    public async Task An_answer_that_fails_half_way_is_cut_off_and_not_taken_for_whole()
    {
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _service.GetAsync("/half"));

        Assert.Single(_service.Logs, line => line.StartsWith("Error ", StringComparison.Ordinal));
        Assert.Equal(404, (await _service.GetAsync("/nowhere")).Status);
    }

    [Fact]
    public async Task An_empty_error_gets_a_body_unless_the_endpoint_has_errors_of_its_own()
    {
        IsProblem(await _service.GetAsync("/gone"), 404, "not_found");
        var own = await _service.GetAsync("/own");
        Assert.Equal((404, ""), (own.Status, own.Body));
    }

    [Fact]
    public async Task A_service_can_write_all_these_errors_in_its_own_dialect()
    {
        await using var service = await Service.StartAsync(app => app.MapGet("/x", () => "").RequireScope("ui"),
            configure: builder => builder.Services.AddSingleton<IErrorDialect, Uaa>());

        var refused = await service.GetAsync("/x");
        var missing = await service.GetAsync("/y");

        Assert.Equal((401, """{"error":"unauthorized"}""", "Bearer realm=\"securemesh\""), (refused.Status, refused.Body, refused.Challenge));
        Assert.Equal((404, """{"error":"not_found"}"""), (missing.Status, missing.Body));
    }

    private sealed class Uaa : IErrorDialect
    {
        public Task WriteAsync(HttpContext http, Problem problem)
        {
            http.Response.StatusCode = problem.Status;
            http.Response.Headers.WWWAuthenticate = problem.Challenge;
            return http.Response.WriteAsJsonAsync(new { error = problem.Error });
        }
    }

    [Theory]
    [InlineData("/nowhere%00", 400)]
    [InlineData("/nowhere?a=%00", 400)]
    [InlineData("/nowhere?a=%zz&b=%", 404)]
    [InlineData("/nowhere?a=%ff%fe", 404)]
    [InlineData("/%zz", 404)]
    [InlineData("/%ff%fe", 404)]
    [InlineData("/%c0%ae%c0%ae/x", 404)]
    [InlineData("/%ed%a0%80", 404)]
    [InlineData("/echo/%ff%0d%0aInjected:1?%ff=%zz", 200)]
    [InlineData("nowhere", 405)]
    [InlineData("/a b", 400)]
    [InlineData("*", 405)]
    public async Task Broken_targets_are_answered_and_never_500(string target, int status)
    {
        Assert.Equal(status, (await RawHttp.GetAsync(_service.Url, target)).Status);
        Assert.DoesNotContain(_service.Logs, line => line.StartsWith("Error ", StringComparison.Ordinal));
        Assert.Equal(404, (await _service.GetAsync("/nowhere")).Status);
    }

    [Theory]
    [InlineData("X-A: \0")]
    [InlineData("X-A: \u00ff\u00fe")]
    [InlineData("X A: 1")]
    [InlineData("Content-Length: -1")]
    [InlineData("Content-Length: 5\r\nContent-Length: 6")]
    public async Task Broken_headers_are_400(string header) => Assert.Equal(400, (await RawHttp.GetAsync(_service.Url, "/nowhere", header)).Status);

    [Fact]
    public async Task K_14_a_request_line_up_to_16_KiB_passes_and_a_longer_one_is_414()
    {
        Assert.Equal(404, (await RawHttp.GetAsync(_service.Url, "/" + new string('a', 16_000))).Status);
        Assert.Equal(414, (await RawHttp.GetAsync(_service.Url, "/" + new string('a', 17_000))).Status);
        Assert.Equal(431, (await RawHttp.GetAsync(_service.Url, "/", "X-A: " + new string('a', 33_000))).Status);
    }

    [Fact]
    public void A_caller_who_sends_headers_drop_by_drop_is_cut_off_after_ten_seconds() =>
        Assert.Equal(TimeSpan.FromSeconds(10), _service.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits.RequestHeadersTimeout);

    [Fact]
    public void Nothing_is_written_to_the_home_folder_at_the_start() =>
        Assert.DoesNotContain(_service.Services.GetServices<IHostedService>(), hosted => hosted.GetType().Name == "DataProtectionHostedService");

    [Fact]
    public async Task No_answer_names_the_server_and_each_carries_a_trace_id()
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/address");

        Assert.Equal(200, answer.Status);
        Assert.DoesNotContain("\r\nServer:", answer.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Matches("\r\nX-Trace-Id: [0-9a-f]{32}(\r|$)", answer.Head);
    }

    [Fact]
    public async Task A_trace_that_began_elsewhere_goes_on()
    {
        var answer = await RawHttp.GetAsync(_service.Url, "/address", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        Assert.Contains("X-Trace-Id: 0af7651916cd43dd8448eb211c80319c", answer.Head);
    }

    [Theory]
    [InlineData("X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https", "https 203.0.113.7")]
    [InlineData("X-Forwarded-For: 198.51.100.1, 203.0.113.7", "http 203.0.113.7")]
    [InlineData("X-Forwarded-For: garbage", "http 127.0.0.1")]
    [InlineData("X-Forwarded-Host: evil.example", "http 127.0.0.1")]
    public async Task N_07_loopback_is_believed_for_one_hop(string headers, string seen) =>
        Assert.Contains(seen + "\r\n", (await RawHttp.GetAsync(_service.Url, "/address", headers.Split("\r\n"))).Body);

    [Fact]
    public async Task N_07_nobody_is_believed_when_forwarding_headers_are_switched_off()
    {
        await using var service = await Service.StartAsync(Map, [new("mesh:trustForwardedHeaders", "false")]);

        Assert.Contains("http 127.0.0.1", (await RawHttp.GetAsync(service.Url, "/address", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https")).Body);
    }

    [Fact]
    public async Task N_07_a_list_of_proxies_that_cannot_be_read_stops_the_start()
    {
        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => Service.StartAsync(Map, [new("mesh:trustedProxies", "10.0.0.0/8,everybody")]));

        Assert.Contains("mesh:trustedProxies", failure.Message);
    }

    [Fact]
    public void N_07_networks_and_addresses_are_read()
    {
        var networks = ForwardedSlice.Networks("10.0.0.0/8, 192.0.2.1, fd00::/8")!;

        Assert.Equal(["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"], networks.Select(network => network.ToString()));
        Assert.False(networks[0].Contains(IPAddress.Parse("11.0.0.1")));
    }

    [Fact]
    public async Task A_caller_who_leaves_is_no_error()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var service = await Service.StartAsync(app => app.MapGet("/slow", async (HttpContext http) =>
        {
            entered.SetResult();
            http.RequestAborted.Register(left.SetResult);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        }).AllowAnonymous());

        using var cancel = new CancellationTokenSource();
        var call = service.Http.GetAsync("/slow", cancel.Token);
        await entered.Task;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await left.Task;
        await service.LoggedAsync("/slow 499");

        Assert.DoesNotContain(service.Logs, line => line.StartsWith("Error ", StringComparison.Ordinal));
    }
}
