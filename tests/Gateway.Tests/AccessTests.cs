using System.Net;
using System.Text.Json;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class AccessTests : IClassFixture<SharedDoor>
{
    private readonly Door _door;
    private readonly Backend _account;
    private readonly Backend _auth;

    public AccessTests(SharedDoor shared)
    {
        shared.Forget();
        (_door, _account, _auth) = (shared.Door, shared.Account, shared.Auth);
    }

    [Fact]
    public async Task Without_a_token_a_protected_route_answers_401_with_a_challenge_and_a_trace_id()
    {
        using var answer = await _door.GetAsync("/accounts/current");

        await AssertProblem(answer, 401, "unauthorized");
        Assert.Equal("Bearer realm=\"securemesh\", resource_metadata=\"https://mesh.example:8443/.well-known/oauth-protected-resource/accounts/current\"", answer.Headers.WwwAuthenticate.Single().ToString());
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("ui")]
    [InlineData("server")]
    public async Task Any_one_of_the_routes_scopes_is_enough(string scope)
    {
        var token = _door.Issuer.UserToken("alice", scope);

        using var answer = await _door.GetAsync("/accounts/current?full=1", token);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("hello", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("/accounts/current?full=1", _account.Last.Target);
        Assert.NotEqual("Bearer " + token, _account.Last.Headers["Authorization"]); // PassportTests say what it is
    }

    [Fact]
    public async Task A_token_without_any_of_the_scopes_is_403_and_names_them()
    {
        using var answer = await _door.GetAsync("/accounts/current", _door.Issuer.UserToken("alice", "openid", "uix", "UI"));

        await AssertProblem(answer, 403, "insufficient_scope");
        Assert.Contains("scope=\"ui server\"", answer.Headers.WwwAuthenticate.Single().ToString(), StringComparison.Ordinal);
        Assert.Empty(_account.Requests);
    }

    public static TheoryData<string> BadTokens => ["forged", "expired", "other audience", "other issuer", "id token", "unsigned", "garbage", "two dots"];

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task A_bad_token_is_401_invalid_token_and_reaches_no_service(string kind)
    {
        var issuer = _door.Issuer;
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var token = kind switch
        {
            "forged" => TestIssuer.Sign(new SigningKey(), issuer.Claims(("scope", new[] { "ui" })), header: new() { ["kid"] = issuer.Key.Kid }),
            "expired" => issuer.Token(("scope", new[] { "ui" }), ("exp", now - 31)),
            "other audience" => issuer.Token(("scope", new[] { "ui" }), ("aud", new[] { "mesh://account-service" })),
            "other issuer" => issuer.Token(("scope", new[] { "ui" }), ("iss", "http://evil.example/uaa/oauth/token")),
            "id token" => TestIssuer.Sign(issuer.Key, issuer.Claims(("scope", new[] { "ui" })), typ: "JWT"),
            "unsigned" => TestIssuer.Sign(issuer.Key, issuer.Claims(("scope", new[] { "ui" })), header: new() { ["alg"] = "none" }),
            "garbage" => "garbage",
            _ => "a.b.c",
        };

        using var answer = await _door.GetAsync("/accounts/current", token);

        await AssertProblem(answer, 401, "invalid_token");
        Assert.StartsWith("Bearer realm=\"securemesh\", error=\"invalid_token\"", answer.Headers.WwwAuthenticate.Single().ToString(), StringComparison.Ordinal);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task A_public_route_asks_for_no_token_and_drops_the_one_it_carries()
    {
        using var answer = await _door.GetAsync("/accounts/demo", _door.Issuer.ClientToken("account-service", "server"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.DoesNotContain("Authorization", _account.Last.Headers);
    }

    [Fact]
    public async Task On_a_public_route_no_signature_is_checked()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        using var known = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.OK, known.StatusCode);
        var before = door.Issuer.KeyFetches;
        var unknown = TestIssuer.Sign(new SigningKey(), door.Issuer.Claims());

        using var open = await door.GetAsync("/accounts/demo", unknown);
        Assert.Equal(HttpStatusCode.OK, open.StatusCode);
        Assert.Equal(before, door.Issuer.KeyFetches);

        using var closed = await door.GetAsync("/accounts/current", unknown);
        Assert.Equal(HttpStatusCode.Unauthorized, closed.StatusCode);
        Assert.Equal(before + 1, door.Issuer.KeyFetches); // so the count above could have moved
    }

    [Fact]
    public async Task The_token_service_gets_what_callers_show_it()
    {
        using var answer = await _door.GetAsync("/uaa/userinfo", "anything", ("DPoP", "proof"), ("X-Identity-Zone-Id", "z"), ("Cookie", "JSESSIONID=1"), ("X-Real-IP", "1.2.3.4"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var headers = _auth.Last.Headers;
        Assert.Equal("Bearer anything", headers["Authorization"]);
        Assert.Equal("proof", headers["DPoP"]);
        Assert.Equal("z", headers["X-Identity-Zone-Id"]);
        Assert.Equal("JSESSIONID=1", headers["Cookie"]);
        Assert.DoesNotContain("X-Real-IP", headers);
    }

    [Theory]
    [InlineData("/uaa/")]
    [InlineData("/uaa")]
    [InlineData("/uaa/oauth/token")]
    public async Task A_catch_all_route_matches_its_prefix_too(string path)
    {
        using var answer = await _door.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(path, _auth.Last.Target);
    }

    [Theory]
    [InlineData("/accounts/")]
    [InlineData("/accounts")]
    public async Task Registration_is_open_with_and_without_the_final_slash(string path)
    {
        using var post = await _door.SendAsync(HttpMethod.Post, path, content: new StringContent("{}"));
        Assert.Equal(HttpStatusCode.OK, post.StatusCode);

        using var get = await _door.GetAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, get.StatusCode);
    }

    [Theory]
    [InlineData("PUT", "/accounts/demo")]
    [InlineData("DELETE", "/accounts/demo")]
    [InlineData("HEAD", "/accounts/demo")]
    [InlineData("OPTIONS", "/accounts/demo")]
    [InlineData("GET", "/ACCOUNTS/current")]
    [InlineData("GET", "/%61ccounts/current")]
    [InlineData("GET", "/accounts/demo/items")]
    public async Task V_086_what_is_not_listed_as_public_needs_a_token(string method, string path)
    {
        using var answer = await _door.SendAsync(new HttpMethod(method), path);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task V_095_the_query_decides_nothing()
    {
        using var answer = await _door.GetAsync("/accounts/current?x=/accounts/demo");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("User-Agent", "kube-probe/1.30")]
    [InlineData("User-Agent", "GoogleHC/1.0")]
    [InlineData("X-Forwarded-Uri", "/accounts/demo")]
    [InlineData("X-Original-URL", "/accounts/demo")]
    [InlineData("X-Rewrite-URL", "/accounts/demo")]
    [InlineData("X-HTTP-Method-Override", "POST")]
    [InlineData("X-Middleware-Subrequest", "middleware")]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    public async Task V_090_V_097_no_header_stands_in_for_a_token(string name, string value)
    {
        using var answer = await _door.GetAsync("/accounts/current", null, (name, value));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    /// <summary>Who calls himself a probe of the platform, on every path that is not open to all and with each method.</summary>
    [Theory]
    [InlineData("kube-probe/1.30")]
    [InlineData("GoogleHC/1.0")]
    [InlineData("ELB-HealthChecker/2.0")]
    [InlineData("Amazon-Route53-Health-Check-Service")]
    [InlineData("Consul Health Check")]
    [InlineData("Envoy/HC")]
    [InlineData("Prometheus/2.53")]
    [InlineData("SecureMesh")]
    public async Task V_097_no_name_of_a_program_opens_anything(string agent)
    {
        foreach (var path in (string[])["/accounts/current", "/accounts/healthz", "/accounts/actuator/health", "/actuator/why/0"])
        {
            foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Head, HttpMethod.Post])
            {
                using var answer = await _door.SendAsync(method, path, null, null, ("User-Agent", agent));

                Assert.True(answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.NotFound, $"{method} {path}: {answer.StatusCode}");
            }
        }
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task T_17_a_new_key_of_the_issuer_is_taken_and_a_flood_of_unknown_keys_fetches_once()
    {
        await using var door = await Door.OpenAsync();
        await door.AddAsync("account-service");
        using var first = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);

        door.Issuer.Rotate();
        using var second = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));
        Assert.Equal(HttpStatusCode.OK, second.StatusCode);

        var before = door.Issuer.KeyFetches;
        var flood = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => door.GetAsync("/accounts/current", TestIssuer.Sign(new SigningKey(), door.Issuer.Claims()))));
        Assert.All(flood, answer => Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode));
        Assert.InRange(door.Issuer.KeyFetches, before, before + 1);
    }

    [Fact]
    public async Task V_093_keys_that_were_never_had_are_503_with_Retry_After_and_not_the_callers_fault()
    {
        await using var door = await Door.OpenAsync(("mesh:auth:url", "http://127.0.0.1:9"));
        await door.AddAsync("account-service");

        using var answer = await door.GetAsync("/accounts/current", door.Issuer.UserToken("alice", "ui"));

        await AssertProblem(answer, 503, "temporarily_unavailable");
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Empty(answer.Headers.WwwAuthenticate);
    }

    [Fact]
    public async Task V_092_two_Authorization_headers_are_400()
    {
        var answer = await RawHttp.GetAsync(_door.Url, "/accounts/current",
            "Authorization: Bearer " + _door.Issuer.UserToken("alice", "ui"), "Authorization: Bearer " + _door.Issuer.UserToken("bob", "ui"));

        Assert.Equal(400, answer.Status);
        Assert.Empty(_account.Requests);
    }

    internal static async Task AssertProblem(HttpResponseMessage answer, int status, string error)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.NotEqual(true, answer.Headers.TransferEncodingChunked); // in one piece
        var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal(status, body.GetProperty("status").GetInt32());
        Assert.Equal(error, body.GetProperty("error").GetString());
        Assert.NotEmpty(body.GetProperty("error_description").GetString()!);
        Assert.Matches("^[0-9a-f]{32}$", body.GetProperty("traceId").GetString());
        Assert.Equal(body.GetProperty("traceId").GetString(), answer.Headers.GetValues("X-Trace-Id").Single());
    }
}
