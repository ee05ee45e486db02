using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SecureMesh.Cli.Tests.Terminal;
using Xunit;

namespace SecureMesh.Cli.Tests.Calls;

/// <summary>What <c>mesh why</c> asks, sends and prints; that the gateway answers so is tested there.</summary>
public sealed class WhyTests : IAsyncLifetime
{
    private const string Id = "0123456789abcdef0123456789abcdef";
    private const string Entry = """
        {"id":"0123456789abcdef0123456789abcdef","status":403,"reason":"scope_missing","cause":"the route wants any of ui\u001b[2J","fix":"ask for scope ui","entries":[
          {"service":"gateway","time":"2026-01-31T12:00:00Z","method":"GET","path":"/accounts/current","steps":[
            {"name":"route","outcome":"ok","detail":"accounts"},{"name":"scopes","outcome":"failed","detail":"wanted ui"},{"name":"relay","outcome":"not_reached","detail":"passport"}]}],
         "asked":[{"service":"account-service","instance":"one","said":"did not answer"}]}
        """;

    private readonly ConcurrentQueue<(string Method, string Path, string Authorization, string Body)> _asked = new();
    private WebApplication _gateway = null!;
    private TestShell _shell = null!;
    private Func<HttpContext, Task> _answer = http => http.Response.WriteAsync(Entry);

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _gateway = builder.Build();
        _gateway.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            _asked.Enqueue((http.Request.Method, http.Request.Path + http.Request.QueryString, http.Request.Headers.Authorization.ToString(), await reader.ReadToEndAsync()));
            await _answer(http);
        });
        _gateway.Urls.Add("http://127.0.0.1:0");
        await _gateway.StartAsync();
        _shell = new TestShell(_gateway.Urls.First());
        _shell.Variables["MESH_TOKEN"] = "admin-token";
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task The_cause_stands_on_top_the_checks_below_and_the_fix_at_the_end()
    {
        var ran = (await _shell.RunAsync("why", Id.ToUpperInvariant())).Expect(0);

        Assert.Equal("""
            403 (scope_missing): the route wants any of ui[2J
            gateway at 2026-01-31T12:00:00Z: GET /accounts/current
              ✓ route         accounts
              ✗ scopes        wanted ui
              · relay         passport
            account-service one: did not answer
            fix: ask for scope ui

            """, ran.Out);
        Assert.Equal(("GET", "/actuator/why/" + Id, "Bearer admin-token"), (_asked.Single().Method, _asked.Single().Path, _asked.Single().Authorization));
    }

    [Fact]
    public async Task As_JSON_it_is_what_the_gateway_said()
    {
        var ran = (await _shell.RunAsync("why", Id, "--output", "json")).Expect(0);

        Assert.Equal(JsonSerializer.Serialize(JsonDocument.Parse(Entry).RootElement), JsonSerializer.Serialize(ran.Json));
    }

    [Theory]
    [InlineData("not-an-id")]
    [InlineData("")]
    [InlineData("--token-file", "x")]
    [InlineData("--route", "GET", Id)]
    [InlineData("--route", "GET no-slash")]
    [InlineData("--route", "GET /x HTTP/1.1")]
    [InlineData("--route", "GET /x", "--token-file", "missing")]
    public async Task A_wrong_command_line_is_2_and_asks_nobody(params string[] arguments)
    {
        (await _shell.RunAsync(["why", .. arguments])).Expect(2);

        Assert.Empty(_asked);
    }

    [Theory]
    [InlineData(404, 1)]
    [InlineData(403, 4)]
    [InlineData(401, 3)]
    [InlineData(503, 5)]
    public async Task What_cannot_be_told_has_the_exit_codes_of_the_other_commands(int status, int exit)
    {
        _answer = http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        };

        (await _shell.RunAsync("why", Id)).Expect(exit);
    }

    [Theory]
    [InlineData("canary.token.x\n", null, "canary.token.x")]
    [InlineData("DPoP canary.token.x", "DPoP", "canary.token.x")]
    public async Task The_token_of_a_dry_run_goes_out_in_the_body_and_is_printed_nowhere(string input, string? scheme, string credential)
    {
        _answer = http => http.Response.WriteAsync("""{"status":401,"reason":"credential_expired","cause":"expired","allowed":false,"entries":[],"asked":[]}""");

        var ran = (await _shell.RunAsync(input, CancellationToken.None, "why", "--token-file", "-", "--route", "post /x?y=1")).Expect(1);

        var (method, path, _, body) = _asked.Single();
        Assert.Equal(("POST", "/actuator/why"), (method, path));
        var sent = JsonDocument.Parse(body).RootElement;
        Assert.Equal(("POST", "/x?y=1", credential), (sent.GetProperty("method").GetString(), sent.GetProperty("path").GetString(), sent.GetProperty("credential").GetString()));
        Assert.Equal(scheme, sent.TryGetProperty("scheme", out var named) ? named.GetString() : null);
        Assert.DoesNotContain("canary", ran.Out + ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_would_be_let_through_is_0_also_without_a_credential()
    {
        _answer = http => http.Response.WriteAsync("""{"status":200,"cause":"nothing","allowed":true,"entries":[],"asked":[]}""");

        (await _shell.RunAsync("why", "--route", "/uaa/x")).Expect(0);

        Assert.DoesNotContain("credential", _asked.Single().Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\nlines")]
    [InlineData("\u0001")]
    public async Task A_file_that_holds_no_token_is_2(string input)
    {
        (await _shell.RunAsync(input, CancellationToken.None, "why", "--token-file", "-", "--route", "/x")).Expect(2);

        Assert.Empty(_asked);
    }
}
