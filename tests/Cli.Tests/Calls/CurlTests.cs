using System.Text;
using Microsoft.AspNetCore.Http;
using SecureMesh.Cli.Tests.Login;
using SecureMesh.Cli.Tests.Terminal;
using Xunit;

namespace SecureMesh.Cli.Tests.Calls;

public sealed class CurlTests : IAsyncLifetime
{
    private TokenService _service = null!;
    private TestShell _shell = null!;

    public async ValueTask InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _shell = new TestShell(_service.Url) { Browser = TokenService.BrowseAsync };
        (await _shell.RunAsync("login")).Expect(0);
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task The_body_goes_to_stdout_byte_for_byte()
    {
        byte[] body = [0, 1, 0xff, 0xfe, (byte)'\r', (byte)'\n', 27];
        _service.Any = http => http.Response.Body.WriteAsync(body).AsTask();

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(0);

        Assert.Equal(body, ran.Bytes);
        Assert.Equal(("", ""), (ran.Out, ran.Error));
        Assert.StartsWith("Bearer access-", _service.AuthorizationHeaders.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Method_headers_and_body_go_out_as_given()
    {
        _service.Any = async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            await http.Response.WriteAsync($"{http.Request.Method} {http.Request.Path}{http.Request.QueryString} {http.Request.ContentType} {http.Request.Headers["X-One"]} {await reader.ReadToEndAsync()}");
        };
        var file = Path.Combine(_shell.Home, "body.txt");
        await File.WriteAllTextAsync(file, "from file\n", TestContext.Current.CancellationToken);

        Assert.Equal("GET /any/a?b=c   ", (await _shell.RunAsync("curl", "/any/a?b=c")).Expect(0).Body);
        Assert.Equal("POST /any/a application/x-www-form-urlencoded  x=1&y=2", (await _shell.RunAsync("curl", "/any/a", "-d", "x=1", "-d", "y=2")).Expect(0).Body);
        Assert.Equal("PUT /any/a application/json one {}", (await _shell.RunAsync("curl", "-X", "PUT", "--json", "{}", "-H", "X-One: one", "/any/a")).Expect(0).Body);
        Assert.Equal("PUT /any/a text/plain  from file\n", (await _shell.RunAsync("curl", "-XPUT", "-d@body.txt", "-H", "Content-Type: text/plain", "/any/a")).Expect(0).Body);
        Assert.Equal("POST /any/a application/x-www-form-urlencoded  piped", (await _shell.RunAsync("piped", CancellationToken.None, "curl", "/any/a", "-d", "@-")).Expect(0).Body);
    }

    [Fact]
    public async Task With_i_the_head_comes_first_and_output_json_has_all_in_one_object()
    {
        _service.Any = http =>
        {
            http.Response.Headers["X-Answer"] = "yes";
            return http.Response.WriteAsync("{\"a\":1}");
        };

        var head = (await _shell.RunAsync("curl", "-i", "/any/thing")).Expect(0).Body;
        var json = (await _shell.RunAsync("curl", "--output", "json", "/any/thing")).Expect(0).Json;

        Assert.StartsWith("HTTP/1.1 200 OK\r\n", head, StringComparison.Ordinal);
        Assert.Contains("X-Answer: yes\r\n", head, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n{\"a\":1}", head, StringComparison.Ordinal);
        Assert.Equal((200, "yes", "{\"a\":1}"), (json.GetProperty("status").GetInt32(), json.GetProperty("headers").GetProperty("x-answer").GetString(), json.GetProperty("body").GetString()));
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/any/thing")]
    [InlineData("https://attacker.example/")]
    [InlineData("any/thing")]
    [InlineData("")]
    public async Task The_token_goes_to_no_other_host(string path)
    {
        var ran = (await _shell.RunAsync("curl", path)).Expect(2);

        Assert.Contains("the token goes to no other host", ran.Error, StringComparison.Ordinal);
        Assert.Empty(_service.AuthorizationHeaders);
    }

    [Theory]
    [InlineData("//attacker.example/any")]
    [InlineData("/\\attacker.example/any")]
    [InlineData("/@attacker.example/any")]
    public async Task What_looks_like_another_host_is_a_path_of_this_one(string path)
    {
        var ran = await _shell.RunAsync("curl", path);

        Assert.Contains("404 Not Found", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_shown_and_not_followed()
    {
        await using var other = await TokenService.StartAsync();
        _service.Any = http =>
        {
            http.Response.Redirect(other.Url + "/any/stolen");
            return Task.CompletedTask;
        };

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(0);

        Assert.Equal($"mesh: 302: the answer points to {other.Url}/any/stolen; redirects are not followed.\n", ran.Error);
        Assert.Empty(other.AuthorizationHeaders);
    }

    [Fact]
    public async Task After_a_401_the_token_is_renewed_and_the_call_made_once_more()
    {
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);
        _service.End(_service.AuthorizationHeaders.Single()["Bearer ".Length..]);
        _service.Any = async http => await http.Request.Body.CopyToAsync(http.Response.Body);

        var ran = (await _shell.RunAsync("curl", "/any/thing", "-d", "twice")).Expect(0);

        Assert.Equal("twice", ran.Body);
        Assert.Equal(1, _service.Refreshes);
        Assert.Equal(3, _service.AuthorizationHeaders.Count);
    }

    [Fact]
    public async Task A_mesh_that_refuses_every_token_is_asked_twice_and_no_more()
    {
        _service.Any = http =>
        {
            http.Response.StatusCode = 401;
            http.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\", error_description=\"The access token is not valid\"";
            return Task.CompletedTask;
        };

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(3);

        Assert.Equal("mesh: 401 Unauthorized: the access token was not accepted (The access token is not valid): sign in again with ./mesh login.\n", ran.Error);
        Assert.Equal(2, _service.AuthorizationHeaders.Count);
    }

    [Fact]
    public async Task Nobody_signed_in_is_said_when_it_is_needed()
    {
        (await _shell.RunAsync("logout")).Expect(0);

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(3);

        Assert.Equal($"mesh: 401 Unauthorized: nobody is signed in: sign in with ./mesh login, or put an API token into MESH_TOKEN. (trace id {new string('a', 32)})\n", ran.Error);
        Assert.Equal([""], _service.AuthorizationHeaders);
        Assert.Contains("\"error\":\"invalid_token\"", ran.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MESH_TOKEN_takes_the_place_of_the_sign_in_and_is_not_renewed()
    {
        _shell.Variables["MESH_TOKEN"] = "smt_abc";

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(3);

        Assert.Equal(["Bearer smt_abc"], _service.AuthorizationHeaders);
        Assert.StartsWith("mesh: 401 Unauthorized: the token in MESH_TOKEN has expired.", ran.Error, StringComparison.Ordinal);
        Assert.Equal(0, _service.Refreshes);
        _shell.Variables["MESH_TOKEN"] = "smt_abc\r\nX-Evil: 1";
        (await _shell.RunAsync("curl", "/any/thing")).Expect(78);
    }

    [Fact]
    public async Task A_clients_secret_from_the_environment_gets_a_token_for_the_call()
    {
        _shell.Variables["MESH_CLIENT_SECRET"] = "s3cret%";
        (await _shell.RunAsync("curl", "/any/thing")).Expect(0);

        _shell.Variables["MESH_CLIENT_SECRET"] = "wrong";
        var refused = (await _shell.RunAsync("curl", "/any/thing")).Expect(3);

        Assert.Equal("mesh: the client admin with the secret in MESH_CLIENT_SECRET was refused: Bad client credentials.\n", refused.Error);
        Assert.DoesNotContain("wrong", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_Authorization_header_of_the_callers_own_takes_the_place_of_the_token()
    {
        var ran = (await _shell.RunAsync("curl", "/any/thing", "-H", "authorization: Basic eDp5")).Expect(3);

        Assert.Equal(["Basic eDp5"], _service.AuthorizationHeaders);
        Assert.Contains("the credential of your Authorization header has expired.", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_scope_is_named_with_what_the_token_has()
    {
        Refuse(403, "Bearer realm=\"securemesh\", error=\"insufficient_scope\", error_description=\"x\", scope=\"uaa.admin\"", """{"error":"insufficient_scope","detail":"Insufficient scope for this resource","traceId":"0123"}""");

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(4);

        Assert.Equal("mesh: 403 Forbidden: the scope uaa.admin is missing; this token has openid ui. If you may have it: ./mesh login --scope \"openid ui uaa.admin\". (trace id 0123)\n", ran.Error);
    }

    [Fact]
    public async Task Of_several_scopes_one_is_enough_and_UAAs_form_without_a_challenge_is_read_too()
    {
        Refuse(403, "Bearer error=\"insufficient_scope\", scope=\"server ui.write\"", "{}");
        Assert.Contains("one of the scopes server, ui.write is needed; this token has openid ui.", (await _shell.RunAsync("curl", "/any/thing")).Expect(4).Error, StringComparison.Ordinal);

        Refuse(403, null, """{"error":"insufficient_scope","error_description":"Insufficient scope for this resource","scope":"clients.read"}""");
        Assert.Contains("the scope clients.read is missing;", (await _shell.RunAsync("curl", "/any/thing")).Expect(4).Error, StringComparison.Ordinal);

        Refuse(403, null, """{"error":"access_denied","detail":"Access is denied"}""");
        Assert.Equal("mesh: 403 Forbidden: Access is denied.\n", (await _shell.RunAsync("curl", "/any/thing")).Expect(4).Error);
    }

    [Theory]
    [InlineData(502, null, "", 5, "502 Bad Gateway: a service behind the gateway does not answer.")]
    [InlineData(503, "7", """{"detail":"No instance of account-service is up"}""", 5, "503 Service Unavailable: No instance of account-service is up. Try again in 7 s.")]
    [InlineData(429, "3", """{"error_description":"Too many requests"}""", 5, "429 Too Many Requests: Too many requests. Try again in 3 s.")]
    [InlineData(404, null, """{"detail":"Nothing is found at this address"}""", 1, "404 Not Found: Nothing is found at this address.")]
    [InlineData(400, null, """{"detail":"Bad input","errors":{"note":["is too long"]}}""", 1, "400 Bad Request: Bad input note: is too long.")]
    [InlineData(500, null, "<html>oops</html>", 1, "500 Internal Server Error: no reason was given.")]
    [InlineData(418, null, """{"detail":"\u001b[2Jgone\u202e"}""", 1, "[2Jgone.")]
    public async Task Every_refusal_has_an_exit_code_and_a_line(int status, string? retry, string body, int code, string line)
    {
        Refuse(status, null, body, retry);

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(code);

        Assert.Contains(line, ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', ran.Error);
        Assert.Equal(body, ran.Body);
    }

    [Fact]
    public async Task Fail_hides_the_body_of_a_refusal_and_silent_the_explanation()
    {
        Refuse(404, null, """{"detail":"Nothing"}""");

        var fail = (await _shell.RunAsync("curl", "-f", "/any/thing")).Expect(1);
        var silent = (await _shell.RunAsync("curl", "-s", "/any/thing")).Expect(1);
        var json = (await _shell.RunAsync("curl", "--output", "json", "/any/thing")).Expect(1);

        Assert.Equal("", fail.Body);
        Assert.Equal("mesh: 404 Not Found: Nothing.\n", fail.Error);
        Assert.Equal(("""{"detail":"Nothing"}""", ""), (silent.Body, silent.Error));
        Assert.Equal(404, json.Json.GetProperty("status").GetInt32());
        Assert.Equal("""{"error":"failed","message":"404 Not Found: Nothing.","exitCode":1,"status":404}""" + "\n", json.Error);
    }

    [Fact]
    public async Task An_event_stream_is_written_piece_by_piece_and_Ctrl_C_ends_it()
    {
        using var stop = new CancellationTokenSource();
        _service.Any = async http =>
        {
            await http.Response.WriteAsync("data: first\n\n");
            await http.Response.Body.FlushAsync();
            stop.CancelAfter(TimeSpan.FromMilliseconds(300));
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        };

        var ran = (await _shell.RunAsync("", stop.Token, "curl", "/any/stream")).Expect(130);

        Assert.Equal("data: first\n\n", ran.Body);
        Assert.Equal("", ran.Error);
    }

    [Theory]
    [InlineData("-H", "no colon")]
    [InlineData("-H", "X: a\r\nY: b")]
    [InlineData("-X", "GE T")]
    [InlineData("-X", "CONNECT")]
    [InlineData("-d", "@/no/such/file")]
    public async Task What_cannot_be_sent_is_a_usage_error(string option, string value)
    {
        var ran = (await _shell.RunAsync("curl", "/any/thing", option, value)).Expect(2);

        Assert.Matches("^mesh: [^\n]+\n$", ran.Error);
        Assert.Empty(_service.AuthorizationHeaders);
    }

    [Fact]
    public async Task A_mesh_that_is_away_says_so()
    {
        await _service.DisposeAsync();

        var ran = (await _shell.RunAsync("curl", "/any/thing")).Expect(5);

        Assert.Equal($"mesh: {_service.Url} cannot be reached (Connection refused). Is the mesh running? ./mesh up starts it; --url or MESH_URL names another one.\n", ran.Error);
    }

    private void Refuse(int status, string? challenge, string body, string? retry = null) => _service.Any = http =>
    {
        http.Response.StatusCode = status;
        if (challenge is not null) http.Response.Headers.WWWAuthenticate = challenge;
        if (retry is not null) http.Response.Headers.RetryAfter = retry;
        return http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body)).AsTask();
    };
}
