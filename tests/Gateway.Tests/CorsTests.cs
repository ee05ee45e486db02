using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using SecureMesh.Gateway.Routes;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Which pages of other origins may call, by the route's policy alone .</summary>
public sealed class CorsTests : IAsyncLifetime
{
    private Door _door = null!;
    private Backend _account = null!;

    public async ValueTask InitializeAsync()
    {
        _door = await Door.OpenAsync(
            ("gateway:routes:app:path", "/app/{**rest}"), ("gateway:routes:app:service", "account-service"), ("gateway:routes:app:scopes:0", "ui"),
            ("gateway:routes:app:methods:0", "GET"), ("gateway:routes:app:methods:1", "PUT"), ("gateway:routes:app:cookies", "true"),
            ("gateway:routes:app:cors:origins:0", "https://app.example"), ("gateway:routes:app:cors:origins:1", "http://localhost:3000"),
            ("gateway:routes:app:cors:headers:0", "Authorization"), ("gateway:routes:app:cors:headers:1", "If-Match"), ("gateway:routes:app:cors:exposed:0", "ETag"),
            ("gateway:routes:app:cors:credentials", "true"), ("gateway:routes:app:cors:maxAge", "5m"), ("gateway:routes:app:limits:perAddress", "20/hour"),
            ("gateway:routes:open:path", "/open/{**rest}"), ("gateway:routes:open:service", "account-service"), ("gateway:routes:open:access", "public"),
            ("gateway:routes:open:cors:origins:0", "*"));
        // A service that lets everybody in, and says so on its own.
        _account = await _door.AddAsync("account-service", http =>
        {
            http.Response.Headers.AccessControlAllowOrigin = http.Request.Headers.Origin.Count > 0 ? http.Request.Headers.Origin : "*";
            http.Response.Headers.AccessControlAllowCredentials = "true";
            http.Response.Headers.AccessControlAllowMethods = "DELETE";
            http.Response.Headers.AccessControlExposeHeaders = "X-Secret";
            http.Response.Headers.Vary = "Accept";
            return http.Response.WriteAsync("hello");
        });
    }

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    private static string Header(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : "";

    private static void AssertSilent(HttpResponseMessage answer) =>
        Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));

    private Task<HttpResponseMessage> AskAsync(string path, string origin, string method, string? headers = null) => headers is null
        ? _door.SendAsync(HttpMethod.Options, path, null, null, ("Origin", origin), ("Access-Control-Request-Method", method))
        : _door.SendAsync(HttpMethod.Options, path, null, null, ("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers));

    [Theory]
    [InlineData("https://app.example", "GET", null)]
    [InlineData("https://app.example", "PUT", "authorization,if-match")]
    [InlineData("http://localhost:3000", "PUT", "Authorization, If-Match")]
    [InlineData("https://app.example", "PUT", "authorization,content-type")]
    [InlineData("https://app.example", "GET", "accept,accept-language,content-language,content-type,range")]
    public async Task A_page_that_is_allowed_is_told_what_it_may_send_without_a_credential(string origin, string method, string? headers)
    {
        using var answer = await AskAsync("/app/x", origin, method, headers);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(origin, Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("true", Header(answer, "Access-Control-Allow-Credentials"));
        Assert.Equal("GET, PUT", Header(answer, "Access-Control-Allow-Methods"));
        Assert.Equal("Authorization, If-Match, Accept, Accept-Language, Content-Language, Content-Type, Range", Header(answer, "Access-Control-Allow-Headers"));
        Assert.Equal("300", Header(answer, "Access-Control-Max-Age"));
        Assert.Equal("Origin", Header(answer, "Vary"));
        Assert.Empty(_account.Requests);
    }

    [Theory]
    [InlineData("https://evil.example", "GET", null)]
    [InlineData("https://app.example.evil.example", "GET", null)]
    [InlineData("https://evilapp.example", "GET", null)]
    [InlineData("http://app.example", "GET", null)]
    [InlineData("https://app.example:444", "GET", null)]
    [InlineData("https://APP.example", "GET", null)]
    [InlineData("https://app.example/", "GET", null)]
    [InlineData("https://app.example, https://evil.example", "GET", null)]
    [InlineData("null", "GET", null)]
    [InlineData("https://app.example", "PUT", "authorization, x-other")]
    [InlineData("https://app.example", "PUT", "content-type, content-encoding")]
    [InlineData("https://app.example", "GET", "*")]
    public async Task A_page_that_is_not_is_refused_and_told_nothing(string origin, string method, string? headers)
    {
        using var answer = await AskAsync("/app/x", origin, method, headers);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        AssertNothingUseful(answer, origin);
        Assert.Empty(_account.Requests);
    }

    private static void AssertNothingUseful(HttpResponseMessage answer, string origin)
    {
        if (origin is not "https://app.example") AssertSilent(answer);
        Assert.Equal("", Header(answer, "Access-Control-Allow-Methods"));
        Assert.Equal("", Header(answer, "Access-Control-Allow-Headers"));
    }

    [Theory]
    [InlineData("DELETE")]
    [InlineData("put")]
    [InlineData("POST")]
    public async Task A_method_that_the_route_does_not_take_is_not_there(string method)
    {
        using var answer = await AskAsync("/app/x", "https://app.example", method);

        Assert.Contains((int)answer.StatusCode, new[] { 403, 404 });
        Assert.Equal("", Header(answer, "Access-Control-Allow-Methods"));
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task X_12_an_answer_says_what_the_policy_says_whatever_the_service_thinks()
    {
        var token = _door.Issuer.UserToken("alice", "ui");

        using var allowed = await _door.GetAsync("/app/x", token, ("Origin", "https://app.example"));
        Assert.Equal("https://app.example", Header(allowed, "Access-Control-Allow-Origin"));
        Assert.Equal("true", Header(allowed, "Access-Control-Allow-Credentials"));
        Assert.Equal("ETag", Header(allowed, "Access-Control-Expose-Headers"));
        Assert.Equal("", Header(allowed, "Access-Control-Allow-Methods"));
        Assert.Equal("Accept, Origin", Header(allowed, "Vary"));

        using var stranger = await _door.GetAsync("/app/x", token, ("Origin", "https://evil.example"));
        Assert.Equal(HttpStatusCode.OK, stranger.StatusCode); // the browser keeps it from the page
        AssertSilent(stranger);
        Assert.Equal("Accept, Origin", Header(stranger, "Vary"));

        using var none = await _door.GetAsync("/app/x", token);
        AssertSilent(none);
        Assert.Equal("Accept, Origin", Header(none, "Vary"));
    }

    [Fact]
    public async Task A_page_that_is_allowed_can_read_why_it_was_refused()
    {
        using var missing = await _door.GetAsync("/app/x", null, ("Origin", "https://app.example"));
        Assert.Equal(HttpStatusCode.Unauthorized, missing.StatusCode);
        Assert.Equal("https://app.example", Header(missing, "Access-Control-Allow-Origin"));

        for (var i = 0; i < 20; i++) (await _door.GetAsync("/app/x")).Dispose();
        using var limited = await _door.GetAsync("/app/x", null, ("Origin", "https://app.example"));
        Assert.Equal(HttpStatusCode.TooManyRequests, limited.StatusCode);
        Assert.Equal("https://app.example", Header(limited, "Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Every_origin_may_read_where_the_policy_says_so_and_never_with_credentials()
    {
        using var answer = await _door.GetAsync("/open/x", null, ("Origin", "https://anybody.example"), ("Cookie", "a=b"));

        Assert.Equal("*", Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("", Header(answer, "Access-Control-Allow-Credentials"));
        Assert.Equal("Accept", Header(answer, "Vary"));
        using var preflight = await AskAsync("/open/x", "https://anybody.example", "POST");
        Assert.Equal("GET, HEAD, POST", Header(preflight, "Access-Control-Allow-Methods"));
        using var json = await AskAsync("/open/x", "https://anybody.example", "POST", "content-type");
        Assert.Equal("Accept, Accept-Language, Content-Language, Content-Type, Range", Header(json, "Access-Control-Allow-Headers"));
        using var authorized = await AskAsync("/open/x", "https://anybody.example", "POST", "authorization");
        Assert.Equal(HttpStatusCode.Forbidden, authorized.StatusCode);
        using var other = await AskAsync("/open/x", "https://anybody.example", "DELETE");
        Assert.Equal(HttpStatusCode.Forbidden, other.StatusCode);
    }

    [Theory]
    [InlineData("/accounts/current", "GET", 401)]
    [InlineData("/accounts/demo", "GET", 401)]
    [InlineData("/nothing", "GET", 404)]
    [InlineData("/uaa/oauth/authorize", "GET", 503)]
    public async Task X_12_without_a_policy_a_preflight_is_the_plain_request_that_it_is_and_no_header_passes(string path, string method, int status)
    {
        using var preflight = await AskAsync(path, "https://app.example", method);
        Assert.Equal(status, (int)preflight.StatusCode);
        AssertSilent(preflight);

        using var answer = await _door.GetAsync("/accounts/demo", null, ("Origin", "https://app.example"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        AssertSilent(answer);
    }

    [Theory]
    [InlineData("origins:0", "", "gateway:routes:x:cors:origins must name origins such as https://app.example, or '*' alone.")]
    [InlineData("origins:1", "*", "gateway:routes:x:cors:origins must be '*' alone or a list of origins.")]
    [InlineData("origins:0", "https://app.example/", "gateway:routes:x:cors:origins must be origins as browsers write them, such as https://app.example or http://localhost:3000, not 'https://app.example/'.")]
    [InlineData("origins:0", "https://App.example", "gateway:routes:x:cors:origins must be origins as browsers write them, such as https://app.example or http://localhost:3000, not 'https://App.example'.")]
    [InlineData("origins:0", "https://app.example:443", "gateway:routes:x:cors:origins must be origins as browsers write them, such as https://app.example or http://localhost:3000, not 'https://app.example:443'.")]
    [InlineData("origins:0", "https://*.example", "gateway:routes:x:cors:origins must be origins as browsers write them, such as https://app.example or http://localhost:3000, not 'https://*.example'.")]
    [InlineData("origins:0", "null", "gateway:routes:x:cors:origins must be origins as browsers write them, such as https://app.example or http://localhost:3000, not 'null'.")]
    [InlineData("origins:0", "http://[::1]:3000", null)]
    [InlineData("origins:0", "*", "gateway:routes:x:cors:credentials cannot be true for every origin: name the origins.")]
    [InlineData("methods:0", "FETCH", "gateway:routes:x:cors:methods must be of GET, HEAD, POST, PUT, PATCH, DELETE, not 'FETCH'.")]
    [InlineData("methods:0", "DELETE", "gateway:routes:x:cors:methods holds DELETE, which the route does not take.")]
    [InlineData("headers:0", "*", "gateway:routes:x:cors:headers must be names of headers, not '*'.")]
    [InlineData("exposed:0", "a b", "gateway:routes:x:cors:exposed must be names of headers, not 'a b'.")]
    [InlineData("credentials", "yes", "gateway:routes:x:cors:credentials must be true or false, not 'yes'.")]
    [InlineData("maxAge", "2d", "gateway:routes:x:cors:maxAge must be a time with its unit, above 0 and at most 24h, such as 10m, not '2d'.")]
    [InlineData("origin", "https://app.example", "gateway:routes:x:cors:origin is no field of cors, but origins is.")]
    public void A_fault_is_named_by_the_key_that_an_operator_types(string field, string value, string? fault)
    {
        var settings = new Dictionary<string, string?>
        {
            ["gateway:routes:x:path"] = "/x",
            ["gateway:routes:x:service"] = "x",
            ["gateway:routes:x:scopes:0"] = "ui",
            ["gateway:routes:x:methods:0"] = "GET",
            ["gateway:routes:x:cors:origins:0"] = "https://app.example",
            ["gateway:routes:x:cors:credentials"] = "true",
            ["gateway:routes:x:cors:" + field] = value,
        };
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Where(setting => setting.Value is { Length: > 0 })).Build();

        Assert.Equal(fault is null ? [] : [fault], RouteReader.Read(configuration).Faults);
    }

    [Fact]
    public void A_policy_that_is_no_section_is_a_fault()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["gateway:routes:x:path"] = "/x",
            ["gateway:routes:x:service"] = "x",
            ["gateway:routes:x:access"] = "public",
            ["gateway:routes:x:cors"] = "*",
        }).Build();

        Assert.Equal(["gateway:routes:x:cors must hold origins, for example origins: [https://app.example]."], RouteReader.Read(configuration).Faults);
    }
}
