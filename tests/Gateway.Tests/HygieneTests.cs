using System.Net;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Raw sockets: what a well-behaved client never sends.</summary>
public sealed class HygieneTests : IClassFixture<SharedDoor>
{
    private readonly Door _door;
    private readonly Backend _account;
    private readonly Backend _auth;

    public HygieneTests(SharedDoor shared)
    {
        shared.Forget();
        (_door, _account, _auth) = (shared.Door, shared.Account, shared.Auth);
    }

    [Theory]
    [InlineData("/uaa/../accounts/current")]
    [InlineData("/uaa/./x")]
    [InlineData("/uaa/..")]
    [InlineData("/uaa/.")]
    [InlineData("/accounts/demo/..")]
    [InlineData("/uaa/%2e%2e/accounts/current")]
    [InlineData("/uaa/.%2E/accounts/current")]
    [InlineData("/uaa/..%20/accounts/current")]
    [InlineData("/uaa/%20../accounts/current")]
    [InlineData("/uaa/.%20")]
    [InlineData("/uaa/%2e/x")]
    [InlineData("/uaa%2foauth")]
    [InlineData("/uaa%2Foauth")]
    [InlineData("/uaa/..%2faccounts")]
    [InlineData("/uaa%5coauth")]
    [InlineData("/uaa/..\\accounts")]
    [InlineData("\\uaa")]
    [InlineData("/uaa/%252e%252e/accounts")]
    [InlineData("/uaa/%252faccounts")]
    [InlineData("/uaa/%25%32%66accounts")]
    [InlineData("//uaa/x")]
    [InlineData("/uaa//x")]
    [InlineData("/uaa/x//")]
    [InlineData("/uaa;/x")]
    [InlineData("/uaa/..;/accounts/current")]
    [InlineData("/uaa/x;jsessionid=1")]
    [InlineData("/uaa/x%3bjsessionid=1")]
    [InlineData("/uaa/%00")]
    [InlineData("/uaa/x%0a")]
    [InlineData("/uaa/x%0d%0aX-User:%20admin")]
    [InlineData("/uaa/%7f")]
    [InlineData("/uaa/%c0%ae%c0%ae/accounts")]
    [InlineData("/uaa/%c0%af")]
    [InlineData("/uaa/%ff")]
    [InlineData("/uaa/%e2%82")]
    [InlineData("/uaa/%")]
    [InlineData("/uaa/%4")]
    [InlineData("/uaa/%zz")]
    [InlineData("/uaa/%u002f")]
    [InlineData("/uaa/\u00e4")]
    [InlineData("/uaa/x?a=%zz")]
    [InlineData("/uaa/x?a=%")]
    [InlineData("/uaa/x?a=\u00e4")]
    public async Task V_083_V_084_V_092_a_target_that_can_be_read_in_two_ways_is_400_and_reaches_nobody(string target)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.Equal(400, answer.Status);
        Assert.Empty(_account.Requests);
        Assert.Empty(_auth.Requests);
    }

    [Theory]
    [InlineData("/accounts/demo#/../admin")]
    [InlineData("/accounts/demo?x#y")]
    public async Task V_085_a_fragment_in_the_target_is_400(string target)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.Equal(400, answer.Status);
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("/uaa/a%20b", "/uaa/a%20b")]
    [InlineData("/uaa/a.%20", "/uaa/a.%20")]
    [InlineData("/uaa/%20", "/uaa/%20")]
    [InlineData("/uaa/%C3%A4", "/uaa/%C3%A4")]
    [InlineData("/uaa/%61", "/uaa/a")]
    [InlineData("/uaa/a.b/c-d_e~f", "/uaa/a.b/c-d_e~f")]
    [InlineData("/uaa/.well-known/openid-configuration", "/uaa/.well-known/openid-configuration")]
    [InlineData("/uaa/...", "/uaa/...")]
    [InlineData("/uaa/%3F", "/uaa/%3F")]
    [InlineData("/uaa/%23", "/uaa/%23")]
    [InlineData("/uaa/a@b:c!$&'()*+,=", "/uaa/a@b:c!$&'()*+,=")]
    [InlineData("/uaa/x?a=/../;%2f%5C//", "/uaa/x?a=/../;%2f%5C//")]
    [InlineData("/UAA/x", "/UAA/x")]
    public async Task An_unambiguous_target_arrives_meaning_the_same(string target, string arrives)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.Equal(200, answer.Status);
        Assert.Equal(arrives, _auth.Last.Target);
    }

    [Theory]
    [InlineData("http://127.0.0.1/accounts/demo")]
    [InlineData("http://account-service/accounts/demo")]
    public async Task Only_a_path_is_a_request_target(string target)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.Equal(400, answer.Status);
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("localhost", 200)]
    [InlineData("127.0.0.1:1", 200)]
    [InlineData("[::1]:8080", 200)]
    [InlineData("MESH.example", 200)]
    [InlineData("mesh.example:8443", 200)]
    [InlineData("third.example", 200)]
    [InlineData("mesh.example.", 421)]
    [InlineData("evil.example", 421)]
    [InlineData("account-service", 421)]
    [InlineData("localhost.evil.example", 421)]
    [InlineData("localhost:0", 421)]
    [InlineData("localhost:99999", 421)]
    [InlineData("[::1]:65536", 421)]
    [InlineData("localhost:", 400)]
    [InlineData("", 400)]
    [InlineData("a b", 400)]
    public async Task X_10_V_102_only_the_gateways_own_hosts_are_served(string host, int status)
    {
        var answer = await RawHttp.SendAsync(_door.Url, $"GET /accounts/demo HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 200 ? 1 : 0, _account.Requests.Count);
    }

    [Theory]
    [InlineData("Host: localhost\r\nHost: evil.example\r\n")]
    [InlineData("Host: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n")]
    [InlineData("Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: chunked, identity\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: chunked, chunked\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")]
    [InlineData("Host: localhost\r\nContent-Length: 5\u0000\r\n")]
    [InlineData("Host: localhost\r\nX-A: b\n\n")]
    [InlineData("Host: localhost\r\nX-A: b\nX-B: c\r\n")]
    [InlineData("Host: localhost\r\nX-A: b\rX-B: c\r\n")]
    [InlineData("Host: localhost\r\nTransfer-Encoding : chunked\r\n")]
    [InlineData("Host: localhost\r\nContent-Length : 5\r\n")]
    [InlineData("Host: localhost\r\nContent-Length: 5, 5\r\n")]
    [InlineData("Host: localhost\r\nX-A: b\r\n folded: c\r\n")]
    [InlineData("Host: localhost\r\n: empty\r\n")]
    [InlineData("Host: localhost\r\nX-A: b\u0000c\r\n")]
    [InlineData("Host: localhost\r\nDPoP: a\r\nDPoP: b\r\n")]
    [InlineData("Host: localhost\r\nAuthorization: Basic YTpi\r\nauthorization: Basic YzpkCg==\r\n")]
    [InlineData("Host: localhost\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\n")]
    public async Task V_091_V_092_conflicting_lengths_and_doubled_headers_are_refused(string headers)
    {
        var answer = await RawHttp.SendAsync(_door.Url, $"POST /accounts/ HTTP/1.1\r\n{headers}Connection: close\r\n\r\n0\r\n\r\nGET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.InRange(answer.Status, 400, 501);
        Assert.NotEqual(500, answer.Status);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task V_091_a_request_of_HTTP_1_0_has_no_transfer_coding()
    {
        var answer = await RawHttp.SendAsync(_door.Url, "POST /accounts/ HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.Equal(400, answer.Status);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public void V_091_the_runtime_has_its_repairs() => Assert.True(Environment.Version >= new Version(10, 0, 7), $"{Environment.Version} is older than what CVE-2025-55315 and CVE-2026-40372 ask for");

    [Fact]
    public async Task V_091_a_length_that_Kestrel_takes_with_a_sign_is_passed_on_as_a_plain_number()
    {
        await RawHttp.SendAsync(_door.Url, "POST /accounts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\nConnection: close\r\n\r\nhello");

        Assert.Equal("5", _account.Last.Headers["Content-Length"]);
    }

    [Theory]
    [InlineData("TRACE")]
    [InlineData("TRACK")]
    [InlineData("CONNECT")]
    [InlineData("get")]
    [InlineData("Get")]
    public async Task A_method_that_echoes_or_tunnels_or_is_misspelt_is_refused(string method)
    {
        var answer = await RawHttp.SendAsync(_door.Url, $"{method} /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.InRange(answer.Status, 400, 499);
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("POST", "websocket")]
    [InlineData("POST", "SPDY/3.1")]
    [InlineData("GET", "SPDY/3.1")]
    [InlineData("GET", "h2c")]
    public async Task V_086_no_upgrade_turns_a_request_into_one_that_the_policy_did_not_see(string method, string protocol)
    {
        var path = method == "POST" ? "/accounts/" : "/accounts/demo"; // open for this method alone
        var answer = await RawHttp.SendAsync(_door.Url, $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.Equal(200, answer.Status);
        Assert.Equal(method, _account.Last.Method);
        Assert.DoesNotContain("Upgrade", _account.Last.Headers);
        Assert.DoesNotContain("HTTP2-Settings", _account.Last.Headers);
    }

    public static TheoryData<string> Identities =>
    [
        "X-User", "X-User-Id", "X-Username", "X-Remote-User", "Remote-User", "X-Auth-User", "X-Auth-Request-Email", "X-Scopes", "X-Tenant",
        "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Uri", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Method", "Forwarded",
        "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Cluster-Client-IP", "X-Original-URL", "X-Original-Uri", "X-Original-Host", "X-Rewrite-URL",
        "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify", "SSL-Client-Cert",
        "X-Envoy-Original-Path", "X-Envoy-Internal", "X-B3-TraceId", "X-Middleware-Subrequest", "X-Passport", "Proxy-Authorization", "Proxy-Connection", "Via",
        "X_User", "X_Forwarded_User", "X_Real_IP", "X_Forwarded_For", "AUTHORIZATION_", "Content_Length", "x-USER", "Cookie", "DPoP", "Authorization", "X-Trace-Id",
        "X-Identity-Zone-Id", "X-CF-ENCODED-CREDENTIALS", "Keep-Alive", "HTTP2-Settings", "Alt-Used", "Front-End-Https", "X-Host", "Trailer",
    ];

    [Theory]
    [MemberData(nameof(Identities))]
    public async Task V_087_V_089_a_header_that_names_an_identity_or_a_hop_does_not_arrive(string name)
    {
        var answer = await RawHttp.GetAsync(_door.Url, "/accounts/demo", name + ": canary");

        Assert.Equal(200, answer.Status);
        Assert.DoesNotContain(_account.Last.Headers, header => header.Value.Contains("canary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task V_087_the_forwarding_headers_are_the_gateways_own()
    {
        await RawHttp.SendAsync(_door.Url, "GET /accounts/demo HTTP/1.1\r\nHost: mesh.example:8443\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n");

        var headers = _account.Last.Headers;
        Assert.Equal("127.0.0.1", headers["X-Forwarded-For"]);
        Assert.Equal("http", headers["X-Forwarded-Proto"]);
        Assert.Equal("mesh.example:8443", headers["X-Forwarded-Host"]);
        Assert.Equal(_account.Url.Authority, headers["Host"]);
    }

    [Theory]
    [InlineData("X-Forwarded-For")]
    [InlineData("X-Forwarded-Host, X-Forwarded-Proto")]
    [InlineData("\r\nConnection: X-Forwarded-For")]
    [InlineData("traceparent")]
    [InlineData("host")]
    public async Task V_088_no_header_that_the_gateway_adds_can_be_named_away(string nominated)
    {
        var answer = await RawHttp.SendAsync(_door.Url, $"GET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close, {nominated}\r\n\r\n");

        Assert.Equal(200, answer.Status);
        var headers = _account.Last.Headers;
        Assert.Equal("127.0.0.1", headers["X-Forwarded-For"]);
        Assert.Equal("localhost", headers["X-Forwarded-Host"]);
        Assert.Equal("http", headers["X-Forwarded-Proto"]);
        Assert.Matches("^00-[0-9a-f]{32}-", headers["traceparent"]);
    }

    [Theory]
    [InlineData("Authorization")]
    [InlineData("authorization, Cookie")]
    [InlineData("\r\nConnection: Authorization")]
    public async Task V_088_nor_can_the_identity_that_the_gateway_writes(string nominated)
    {
        var token = _door.Issuer.UserToken("alice", "ui");
        // Without a `close` beside it: Kestrel keeps of such a header nothing but the close.
        await RawHttp.SendAsync(_door.Url, $"GET /accounts/current HTTP/1.1\r\nHost: localhost\r\nConnection: {nominated}\r\nCookie: a=b\r\nAuthorization: Bearer {token}\r\n\r\n"
            + "GET /accounts/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        var headers = _account.Last.Headers;
        Assert.Equal("id-of-alice", _account.Passport().GetProperty("sub").GetString());
        Assert.DoesNotContain("Cookie", headers);
        Assert.DoesNotContain("Connection", headers);
    }

    [Fact]
    public async Task V_088_a_header_that_the_caller_nominates_as_hop_by_hop_ends_here()
    {
        // Without a `close` beside them: Kestrel keeps of such a header nothing but the close.
        await RawHttp.SendAsync(_door.Url, "GET /uaa/x HTTP/1.1\r\nHost: localhost\r\nConnection: Accept\r\nConnection: Authorization\r\nAccept: text/plain\r\nAuthorization: Basic YTpi\r\nUser-Agent: test\r\n\r\n"
            + "GET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        var headers = _auth.Last.Headers;
        Assert.DoesNotContain("Accept", headers);
        Assert.DoesNotContain("Authorization", headers);
        Assert.Equal("test", headers["User-Agent"]);
        Assert.DoesNotContain("Connection", headers);
    }

    [Fact]
    public async Task Usual_headers_arrive_unchanged_even_beyond_ASCII()
    {
        await RawHttp.GetAsync(_door.Url, "/accounts/demo", "Accept: text/html;q=0.9", "If-None-Match: \"x\"", "Range: bytes=0-5", "Referer: http://x/\u00c3\u00a4", "Idempotency-Key: 7", "baggage: a=b");

        var headers = _account.Last.Headers;
        Assert.Equal("text/html;q=0.9", headers["Accept"]);
        Assert.Equal("\"x\"", headers["If-None-Match"]);
        Assert.Equal("bytes=0-5", headers["Range"]);
        Assert.Equal("http://x/\u00e4", headers["Referer"]); // the service reads the two bytes as UTF-8
        Assert.Equal("7", headers["Idempotency-Key"]);
        Assert.Equal("a=b", headers["baggage"].Replace(" ", "", StringComparison.Ordinal)); // read and written anew with the trace
    }

    [Fact]
    public async Task V_093_bytes_that_are_no_text_in_a_credential_are_refused_and_never_a_500()
    {
        var answer = await RawHttp.GetAsync(_door.Url, "/accounts/current", "Authorization: Bearer \u00ff\u00fe", "Cookie: \u00ff=\u00fe; ;=;");

        Assert.Equal(401, answer.Status);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task V_103_oversized_heads_are_refused()
    {
        var line = await RawHttp.GetAsync(_door.Url, "/uaa/" + new string('a', 20_000));
        Assert.Equal(414, line.Status);
        var head = await RawHttp.GetAsync(_door.Url, "/uaa/x", "X-Big: " + new string('a', 40_000));
        Assert.Equal(431, head.Status);
        var many = await RawHttp.GetAsync(_door.Url, "/uaa/x", [.. Enumerable.Range(0, 200).Select(i => $"X-{i}: 1")]);
        Assert.Equal(431, many.Status);
        Assert.Empty(_auth.Requests);
    }

    [Fact]
    public async Task Every_path_of_two_steps_from_an_open_route_to_a_closed_one_is_refused()
    {
        string[] dots = ["..", "%2e%2e", "%2e.", ".%2e", "%252e%252e", "..;", "..;x=1", "%c0%ae%c0%ae", "..%00"];
        string[] slashes = ["/", "%2f", "%5c", "\\", "//", "%252f", "/./"];
        foreach (var dot in dots)
        {
            foreach (var slash in slashes)
            {
                var answer = await RawHttp.GetAsync(_door.Url, $"/accounts/demo{slash}{dot}{slash}current");
                Assert.True(answer.Status is 400 or 401, $"{dot} {slash}: {answer.Status}");
            }
        }
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task Answers_say_nothing_of_the_software_and_cookies_pass_on_routes_that_allow_them_alone()
    {
        await using var door = await Door.OpenAsync();
        Microsoft.AspNetCore.Http.RequestDelegate talkative = http =>
        {
            http.Response.Headers["Server"] = "secret/1.0";
            http.Response.Headers["X-Powered-By"] = "secret";
            http.Response.Headers.SetCookie = "a=b";
            http.Response.Headers.ETag = "\"1\"";
            return Task.CompletedTask;
        };
        await door.AddAsync("account-service", talkative);
        await door.AddAsync("auth-service", talkative);

        using var account = await door.GetAsync("/accounts/demo");
        using var auth = await door.GetAsync("/uaa/x");
        using var own = await door.GetAsync("/nothing");

        Assert.All([account, auth, own], answer => Assert.False(answer.Headers.Contains("Server") || answer.Headers.Contains("X-Powered-By")));
        Assert.False(account.Headers.Contains("Set-Cookie"));
        Assert.Equal("a=b", auth.Headers.GetValues("Set-Cookie").Single());
        Assert.Equal("\"1\"", account.Headers.ETag?.Tag);
    }

    [Theory]
    [InlineData("POST", "Content-Length: 0")]
    [InlineData("POST", "Accept: */*")]
    [InlineData("PUT", "Content-Length: 0")]
    [InlineData("PUT", "Accept: */*")]
    [InlineData("DELETE", "Content-Length: 0")]
    [InlineData("GET", "Content-Length: 0")]
    public async Task What_describes_a_content_passes_also_where_it_is_empty(string method, string framing)
    {
        await using var door = await Door.OpenAsync(AccessShown.Route("any"));
        var account = await door.AddAsync("account-service");

        var answer = await RawHttp.SendAsync(door.Url, $"{method} /any/x HTTP/1.1\r\nHost: {door.Url.Authority}\r\n{framing}\r\nAuthorization: Bearer {door.Issuer.UserToken("alice", "ui")}\r\nContent-Type: application/json\r\nContent-Language: de\r\nConnection: close\r\n\r\n");

        Assert.Equal(200, answer.Status);
        Assert.Equal(("application/json", "de"), (account.Last.Headers["Content-Type"], account.Last.Headers["Content-Language"]));
        Assert.DoesNotContain("Transfer-Encoding", account.Last.Headers);
        Assert.Equal("0", account.Last.Headers["Content-Length"]);
    }

    [Fact]
    public async Task Headers_that_a_service_keeps_for_its_own_connection_end_at_the_gateway()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service", http =>
        {
            http.Response.Headers.Connection = "X-Internal , x-other";
            http.Response.Headers["X-Internal"] = http.Response.Headers["X-Other"] = http.Response.Headers["Proxy-Authenticate"] = "secret";
            http.Response.Headers["X-Kept"] = new(["one", "two"]);
            http.Response.StatusCode = 204;
            return Task.CompletedTask;
        });

        using var answer = await door.GetAsync("/accounts/demo");

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.False(answer.Headers.Contains("X-Internal") || answer.Headers.Contains("X-Other") || answer.Headers.Contains("Proxy-Authenticate"));
        Assert.Equal(["one", "two"], answer.Headers.GetValues("X-Kept"));
    }

    [Fact]
    public async Task N_05_what_was_routed_is_what_is_sent()
    {
        const string open = "/accounts/demo", closed = "/accounts/current";
        for (var i = 1; i < open.Length; i++)
        {
            if (open[i] is '/') continue;
            var answer = await RawHttp.GetAsync(_door.Url, $"{open[..i]}%{(int)open[i]:x2}{open[(i + 1)..]}");
            Assert.Equal(200, answer.Status);
            Assert.Equal(open, _account.Last.Target);
        }
        var before = _account.Requests.Count;
        for (var i = 1; i < closed.Length; i++)
        {
            var answer = await RawHttp.GetAsync(_door.Url, $"{closed[..i]}%{(int)closed[i]:X2}{closed[(i + 1)..]}");
            Assert.Equal(closed[i] is '/' ? 400 : 401, answer.Status);
        }
        Assert.Equal(before, _account.Requests.Count);
    }

    [Theory]
    [InlineData("Bearer {0}", 200)]
    [InlineData("bearer {0}", 200)]
    [InlineData("BEARER {0}", 200)]
    [InlineData("Bearer  {0}", 401)]
    [InlineData("Bearer\t{0}", 401)]
    [InlineData("Bearer {0} x", 401)]
    [InlineData("Bearer {0},", 401)]
    [InlineData("Bearer {0}, Bearer {0}", 401)]
    [InlineData("Basic YTpi, Bearer {0}", 401)]
    [InlineData("Bearer={0}", 401)]
    [InlineData("Bearer\u00a0{0}", 401)]
    [InlineData("{0}", 401)]
    public async Task X_08_one_scheme_one_space_one_token(string authorization, int status)
    {
        var answer = await RawHttp.GetAsync(_door.Url, "/accounts/current", "Authorization: " + string.Format(System.Globalization.CultureInfo.InvariantCulture, authorization, _door.Issuer.UserToken("alice", "ui")));

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 200 ? 1 : 0, _account.Requests.Count);
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("//evil.example/%2e%2e")]
    [InlineData("/\\evil.example")]
    [InlineData("/%5cevil.example")]
    [InlineData("/%09/evil.example")]
    [InlineData("/\t/evil.example")]
    [InlineData("/.evil.example")]
    [InlineData("/@evil.example")]
    [InlineData("/%2f%2fevil.example")]
    [InlineData("/https://evil.example")]
    [InlineData("/https:/evil.example/")]
    [InlineData("/accounts/demo/?returnUrl=//evil.example")]
    [InlineData("/healthz/?returnUrl=https://evil.example")]
    [InlineData("/actuator/health/?x=//evil.example")]
    [InlineData("/?returnUrl=/%09/evil.example")]
    [InlineData("///evil.example")]
    [InlineData("////evil.example/%2f..")]
    [InlineData("/%0d%0aLocation:%20https://evil.example")]
    [InlineData("/%0a/evil.example")]
    [InlineData("/%e3%80%b1evil.example")]
    [InlineData("/%EF%BC%8F%EF%BC%8Fevil.example")]
    [InlineData("/;@evil.example")]
    [InlineData("/..//evil.example")]
    [InlineData("/./evil.example")]
    [InlineData("/accounts/..//evil.example")]
    [InlineData("/accounts/current//evil.example")]
    [InlineData("/?next=https:evil.example")]
    [InlineData("/?rd=https://localhost.evil.example")]
    [InlineData("/?rd=https://localhost@evil.example")]
    [InlineData("/healthz?redirect_uri=javascript:alert(1)//evil.example")]
    [InlineData("/.well-known/oauth-protected-resource//evil.example")]
    [InlineData("http://evil.example/accounts/demo")]
    public async Task V_096_no_target_makes_the_gateway_send_a_browser_elsewhere(string target)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.NotInRange(answer.Status, 300, 399);
        Assert.DoesNotContain("\r\nLocation:", answer.Head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("evil.example", answer.Head + answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/accounts/current")]
    [InlineData("/accounts/current?access_token={0}")]
    [InlineData("/accounts/{0}")]
    [InlineData("/nothing/{0}")]
    [InlineData("/uaa//{0}")]
    public async Task V_101_no_answer_of_the_gateways_own_holds_a_token(string target)
    {
        var token = _door.Issuer.UserToken("alice", "nothing.that.opens");
        foreach (var header in new[] { "Authorization: Bearer " + token, "Authorization: Bearer " + token + "x", "Authorization: Basic " + token, "Cookie: session=" + token, "X-Token: " + token })
        {
            var answer = await RawHttp.GetAsync(_door.Url, string.Format(System.Globalization.CultureInfo.InvariantCulture, target, token), header);

            Assert.InRange(answer.Status, 400, 499);
            Assert.DoesNotContain(token[..20], answer.Head + answer.Body, StringComparison.Ordinal);
        }
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("/nothing", 404)]
    [InlineData("/accounts/current", 401)]
    [InlineData("/accounts/..;/x", 400)]
    [InlineData("/uaa/%2e", 400)]
    public async Task X_11_the_gateways_own_answers_load_frame_and_keep_nothing(string target, int status)
    {
        var answer = await RawHttp.GetAsync(_door.Url, target);

        Assert.Equal(status, answer.Status);
        var lines = answer.Head.Split("\r\n");
        Assert.Contains("X-Content-Type-Options: nosniff", lines);
        Assert.Contains("Cache-Control: no-store", lines);
        Assert.Contains("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'", lines);
        Assert.Contains("Referrer-Policy: no-referrer", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("Strict-Transport-Security", StringComparison.OrdinalIgnoreCase)); // no TLS here
    }

    [Fact]
    public async Task N_07_a_listed_proxy_is_believed_and_its_callers_are_told_apart()
    {
        await using var door = await Door.OpenAsync(
            ("gateway:trustedProxies", "127.0.0.0/8"), ("gateway:hosts", "mesh.example"), ("gateway:routes:accounts-demo:limits:perAddress", "1/hour"));
        var account = await door.AddAsync("account-service");

        using var first = await door.GetAsync("/accounts/demo", null, ("X-Forwarded-For", "6.6.6.6, 192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "mesh.example"));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal("192.0.2.1", account.Last.Headers["X-Forwarded-For"]);
        Assert.Equal("https", account.Last.Headers["X-Forwarded-Proto"]);
        Assert.Equal("mesh.example", account.Last.Headers["X-Forwarded-Host"]);

        using var same = await door.GetAsync("/accounts/demo", null, ("X-Forwarded-For", "192.0.2.1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, same.StatusCode);
        using var other = await door.GetAsync("/accounts/demo", null, ("X-Forwarded-For", "192.0.2.2"));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        using var evil = await door.GetAsync("/accounts/demo", null, ("X-Forwarded-For", "192.0.2.3"), ("X-Forwarded-Host", "evil.example"));
        Assert.Equal(421, (int)evil.StatusCode);
        using var garbage = await door.GetAsync("/accounts/demo", null, ("X-Forwarded-For", "unknown, ''"), ("X-Forwarded-Host", "evil.example"));
        Assert.Equal(HttpStatusCode.OK, garbage.StatusCode); // as if there were none of these headers
        Assert.Equal("127.0.0.1", account.Last.Headers["X-Forwarded-For"]);
        Assert.Equal(door.Url.Authority, account.Last.Headers["X-Forwarded-Host"]);
    }

    [Fact]
    public void The_rules_for_targets_hold_for_every_byte()
    {
        for (var value = 0; value < 256; value++)
        {
            var accepted = RequestTarget.Fault($"/x%{value:x2}y") is null;
            var expected = value is >= 0x20 and < 0x7f && "/\\.%;".IndexOf((char)value, StringComparison.Ordinal) < 0;
            Assert.True(accepted == expected, $"%{value:x2}");
        }
    }
}
