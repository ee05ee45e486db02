using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Web;
using SecureMesh.Cli.Login;
using SecureMesh.Cli.Tests.Terminal;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Cli.Tests.Login;

public sealed class BrowserSignInTests : IAsyncLifetime
{
    private TokenService _service = null!;
    private TestShell _shell = null!;
    private (int Status, string Page) _page;

    public async ValueTask InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _shell = new TestShell(_service.Url) { Browser = async url => _page = await TokenService.BrowseAsync(url) };
    }

    public async ValueTask DisposeAsync()
    {
        _shell.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task A_person_signs_in_with_the_browser_and_the_page_says_that_it_may_be_closed()
    {
        var ran = (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal($"Signed in at {_service.Url} as demo, scopes openid ui.\n", ran.Out);
        Assert.Equal(200, _page.Status);
        Assert.Contains("You may close this window", _page.Page, StringComparison.Ordinal);
        Assert.Matches(@"^http://127\.0\.0\.1:\d+/callback$", _service.LastAuthorization["redirect_uri"]);
        Assert.Equal("S256", _service.LastAuthorization["code_challenge_method"]);
        Assert.Equal(43, _service.LastAuthorization["code_challenge"].Length);
        Assert.Equal("mesh-cli", _service.LastAuthorization["client_id"]);
        (await _shell.RunAsync("whoami")).Expect(0);
    }

    [Fact]
    public async Task State_nonce_and_verifier_are_new_for_every_sign_in()
    {
        (await _shell.RunAsync("login")).Expect(0);
        var first = _service.LastAuthorization;
        (await _shell.RunAsync("login")).Expect(0);
        var second = _service.LastAuthorization;

        foreach (var name in new[] { "state", "nonce", "code_challenge" }) Assert.NotEqual(first[name], second[name]);
    }

    [Fact]
    public async Task No_token_is_ever_printed()
    {
        var ran = (await _shell.RunAsync("login")).Expect(0);
        var json = (await _shell.RunAsync("login", "--output", "json")).Expect(0);
        var who = (await _shell.RunAsync("whoami", "--output", "json")).Expect(0);

        foreach (var text in new[] { ran.Out, ran.Error, json.Out, json.Error, who.Out, who.Error })
            Assert.DoesNotMatch("(access|refresh|code)-[0-9]", text);
    }

    [Fact]
    public async Task An_answer_with_another_state_changes_nothing_and_the_right_one_still_counts()
    {
        _shell.Browser = async url =>
        {
            using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
            using var answer = await http.GetAsync(url);
            var callback = answer.Headers.Location!.AbsoluteUri;
            foreach (var forged in new[] { callback.Replace("state=", "state=x", StringComparison.Ordinal), callback.Split('?')[0] + "?code=stolen", callback + "&state=second" })
            {
                using var refused = await http.GetAsync(forged);
                Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            }
            using var elsewhere = await http.GetAsync(callback.Replace("/callback", "/other", StringComparison.Ordinal));
            Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
            using var rebound = new HttpRequestMessage(HttpMethod.Get, callback) { Headers = { Host = "evil.example" } };
            using var strange = await http.SendAsync(rebound);
            Assert.Equal(HttpStatusCode.NotFound, strange.StatusCode);
            using var page = await http.GetAsync(callback);
            _page = ((int)page.StatusCode, "");
        };

        (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal(200, _page.Status);
    }

    [Fact]
    public async Task V_024_an_answer_of_another_sign_in_or_of_none_redeems_nothing_and_the_right_one_counts_once()
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        async Task<Uri> SignInAsync(string url)
        {
            using var answer = await http.GetAsync(url);
            return answer.Headers.Location!;
        }
        var (refused, again, right) = (new List<int>(), 0, "");
        _shell.Browser = async url =>
        {
            // Good in everything else: these codes are the terminal's own to redeem.
            var state = HttpUtility.ParseQueryString(url.Query)["state"]!;
            string With(string other) => url.AbsoluteUri.Replace("state=" + state, other, StringComparison.Ordinal);
            foreach (var other in new[] { "state=of-another-sign-in", "state=" + state[1..], "state=" + state + "A", "state=" + state.ToUpperInvariant() })
            {
                using var page = await http.GetAsync(await SignInAsync(With(other)));
                refused.Add((int)page.StatusCode);
            }
            var callback = (await SignInAsync(url.AbsoluteUri)).AbsoluteUri;
            foreach (var missing in new[] { callback.Replace("state=" + state, "", StringComparison.Ordinal), callback.Replace("state=" + state, "state=", StringComparison.Ordinal), callback + "&state=" + state, callback.Replace("state=", "State%3d=", StringComparison.Ordinal) })
            {
                using var page = await http.GetAsync(missing);
                refused.Add((int)page.StatusCode);
            }
            right = callback;
            using var last = await http.GetAsync(callback);
            _page = ((int)last.StatusCode, "");
        };
        // While the code is being redeemed the same answer comes once more.
        _service.ChangeIdToken = _ => again = (int)http.Send(new HttpRequestMessage(HttpMethod.Get, right)).StatusCode;

        (await _shell.RunAsync("login")).Expect(0);

        Assert.Equal((200, 409), (_page.Status, again));
        Assert.Equal(Enumerable.Repeat(400, 8), refused);
        Assert.Equal("code-5", Assert.Single(_service.Codes));
    }

    [Theory]
    [InlineData("issuer")]
    [InlineData("authorization_endpoint")]
    [InlineData("token_endpoint")]
    [InlineData("jwks_uri")]
    [InlineData("device_authorization_endpoint")]
    [InlineData("revocation_endpoint")]
    [InlineData("userinfo_endpoint")]
    public async Task V_122_metadata_that_names_anything_but_an_address_of_the_mesh_opens_nothing_and_nothing_is_sent(string member)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var opened = new ConcurrentQueue<Uri>();
        using var stop = new CancellationTokenSource();
        _shell.Browser = url =>
        {
            opened.Enqueue(url);
            return stop.CancelAsync(); // nobody would sign in there
        };
        var (authority, port) = (new Uri(_service.Url).Authority, new Uri(_service.Url).Port);

        foreach (var address in new[]
                 {
                     "file:///etc/passwd", "file://localhost/etc/passwd", "javascript:alert(1)", "data:text/html,x", "calculator:", "ms-settings:network", "vscode://x/y", "-a", "$(id)", "",
                     $"http://{listener.LocalEndpoint}/uaa/x", $"http://localhost:{port}/uaa/x", $"https://{authority}/uaa/x", $"http://mallory@{authority}/uaa/x", $"http://{authority}@evil.example/uaa/x",
                     $"http://{authority}.evil.example/uaa/x", $"//{authority}/uaa/x", "/uaa/x", $"ftp://{authority}/uaa/x", $"http:/{port}/uaa/x",
                 })
        {
            _service.ChangeMetadata = metadata => metadata[member] = address;
            foreach (var arguments in (string[][])[["login"], ["login", "--device"]])
            {
                var ran = await _shell.RunAsync("", stop.Token, arguments);
                Assert.True(ran.Code == 1, $"{address}: {ran.Code} {ran.Out}{ran.Error}");
                Assert.Single(ran.Error.TrimEnd('\n').Split('\n')); // why, and no address to go to
            }
        }

        Assert.Empty(opened);
        Assert.All(_service.Requests, request => Assert.Equal("GET /uaa/.well-known/openid-configuration", request));
        Assert.False(listener.Pending());
        Assert.False(File.Exists(_shell.CredentialsPath));
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("javascript:alert(1)")]
    [InlineData("calculator:")]
    [InlineData("mailto:a@b.example")]
    public void V_122_nothing_but_a_web_address_is_handed_to_the_browser(string address)
    {
        // A program that exists everywhere and does nothing, in place of the browser.
        var program = OperatingSystem.IsWindows() ? "where" : "true";

        Assert.False(Browser.TryOpen(new Uri(address), name => name == "BROWSER" ? program : null));
        Assert.True(Browser.TryOpen(new Uri(_service.Url), name => name == "BROWSER" ? program : null));
    }

    [Theory]
    [InlineData("https://attacker.example/token")]
    [InlineData(null)]
    public async Task The_answer_of_another_issuer_or_of_none_is_refused_and_its_code_is_not_sent(string? issuer)
    {
        _service.ChangeCallback = answer => answer["iss"] = issuer;

        var ran = (await _shell.RunAsync("login")).Expect(1);

        Assert.Contains("does not come from", ran.Error, StringComparison.Ordinal);
        Assert.Equal(400, _page.Status);
        Assert.False(File.Exists(_shell.CredentialsPath));
    }

    [Fact]
    public async Task A_person_who_says_no_is_told_so()
    {
        _service.ChangeCallback = answer => { answer.Remove("code"); answer["error"] = "access_denied"; answer["error_description"] = "User denied access"; };

        var ran = (await _shell.RunAsync("login")).Expect(3);

        Assert.Contains("mesh: the sign-in was refused (User denied access).\n", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonce", "another", "it answers another request (nonce)")]
    [InlineData("iss", "https://other.example", "another issuer made it")]
    [InlineData("aud", "other-client", "it was made for another client")]
    [InlineData("azp", "other-client", "it was made for another client")]
    [InlineData("at_hash", "AAAAAAAAAAAAAAAAAAAAAA", "it belongs to another access token")]
    [InlineData("exp", 1000L, "it has expired")]
    [InlineData("iat", 99999999999L, "it comes from the future: are the clocks right?")]
    [InlineData("sub", "", "it names no user")]
    public async Task An_id_token_that_says_something_else_is_refused(string claim, object value, string why)
    {
        _service.ChangeIdToken = claims => claims[claim] = value;

        var ran = (await _shell.RunAsync("login")).Expect(1);

        Assert.Contains($"is not accepted: {why}.", ran.Error, StringComparison.Ordinal);
        Assert.Equal(400, _page.Status);
        Assert.False(File.Exists(_shell.CredentialsPath));
    }

    [Fact]
    public async Task An_id_token_without_a_nonce_or_for_several_without_azp_is_refused()
    {
        _service.ChangeIdToken = claims => claims.Remove("nonce");
        (await _shell.RunAsync("login")).Expect(1);
        _service.ChangeIdToken = claims => claims["aud"] = new[] { "mesh-cli", "other" };
        (await _shell.RunAsync("login")).Expect(1);
        _service.ChangeIdToken = _ => { };
        (await _shell.RunAsync("login")).Expect(0);
    }

    [Fact]
    public async Task An_unsigned_a_foreign_and_an_altered_id_token_are_refused()
    {
        static string Part(string json) => Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(json);
        var stranger = new SigningKey();
        Func<string, string>[] forgeries =
        [
            token => $"{Part("""{"alg":"none"}""")}.{token.Split('.')[1]}.",
            token => $"{Part("""{"alg":"HS256"}""")}.{token.Split('.')[1]}.{Part("x")}",
            token => $"{token.Split('.')[0]}.{Part(Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(token.Split('.')[1]).Replace("\"demo\"", "\"root\"", StringComparison.Ordinal))}.{token.Split('.')[2]}",
            token => TestIssuer.Sign(stranger, System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, object>>(Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(token.Split('.')[1]))!, "JWT", new() { ["kid"] = _service.Key.Kid }),
            token => TestIssuer.Sign(_service.Key, System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, object>>(Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(token.Split('.')[1]))!, "JWT", new() { ["crit"] = new[] { "x" } }),
            _ => "no-token",
        ];

        foreach (var forge in forgeries)
        {
            _service.ChangeSignedIdToken = forge;
            var ran = (await _shell.RunAsync("login")).Expect(1);
            Assert.Contains("is not accepted", ran.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_browser_the_address_is_printed_and_works_by_hand()
    {
        _shell.Browser = null;
        var login = _shell.RunAsync("login");
        var address = await SaidAsync("  http");
        Assert.Equal(200, (await TokenService.BrowseAsync(new Uri(address.Trim()))).Status);

        var ran = (await login).Expect(0);

        Assert.Contains("No browser could be opened.", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_who_signs_in_ends_the_wait()
    {
        var clock = new TestClock();
        _shell.Clock = clock;
        _shell.Browser = null;
        var login = _shell.RunAsync("login", "--no-browser", "--timeout", "90s");
        await SaidAsync("  http");
        while (!login.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(91));
            await Task.Yield();
        }

        var ran = (await login).Expect(3);

        Assert.Contains("nobody signed in within 90 seconds.", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_wait_in_order()
    {
        using var stop = new CancellationTokenSource();
        _shell.Browser = null;
        var login = _shell.RunAsync("", stop.Token, "login", "--no-browser");
        var address = new Uri((await SaidAsync("  http")).Trim());
        await stop.CancelAsync();

        var ran = (await login).Expect(130);

        Assert.DoesNotContain("interrupted", ran.Error, StringComparison.Ordinal);
        await Assert.ThrowsAsync<HttpRequestException>(() => TokenService.BrowseAsync(address));
    }

    [Theory]
    [InlineData("token_endpoint")]
    [InlineData("authorization_endpoint")]
    [InlineData("jwks_uri")]
    [InlineData("revocation_endpoint")]
    public async Task Discovery_that_names_another_host_is_refused(string member)
    {
        _service.ChangeMetadata = metadata => metadata[member] = "http://127.0.0.1:9/evil";

        var ran = (await _shell.RunAsync("login")).Expect(1);

        Assert.Contains($"as {member}, which is another host: nothing was sent there.", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mesh_that_says_it_is_another_one_is_refused_with_the_address_to_use()
    {
        _service.ChangeMetadata = metadata => metadata["issuer"] = "http://localhost:8080/uaa/oauth/token";

        var ran = (await _shell.RunAsync("login")).Expect(1);

        Assert.Contains("use --url http://localhost:8080 if that is the mesh you mean", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_sign_in_revokes_what_the_first_one_left()
    {
        (await _shell.RunAsync("login")).Expect(0);
        Assert.Empty(_service.Revoked);
        (await _shell.RunAsync("login")).Expect(0);

        Assert.Single(_service.Revoked, token => token.StartsWith("refresh-", StringComparison.Ordinal));
    }

    private async Task<string> SaidAsync(string beginning)
    {
        while (true)
        {
            if (_shell.Said.FirstOrDefault(line => line.StartsWith(beginning, StringComparison.Ordinal)) is { } line) return line;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
