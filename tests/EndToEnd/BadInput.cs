using System.Net.Http.Headers;
using System.Text;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

[Collection(nameof(DemoMesh))]
public sealed class BadInput(DemoMesh demo)
{
    private readonly RunningMesh _mesh = demo.Mesh;

    private static readonly string Long = new('x', 5_000);

    private (string Name, byte[] Body, string? MediaType)[] Bodies =>
    [
        ("not JSON", "{{{"u8.ToArray(), "application/json"),
        ("empty", [], "application/json"),
        ("JSON null", "null"u8.ToArray(), "application/json"),
        ("JSON list", "[1,2]"u8.ToArray(), "application/json"),
        ("wrong media type", "{}"u8.ToArray(), "text/plain"),
        ("no media type", "{}"u8.ToArray(), null),
        ("XML", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>"u8.ToArray(), "application/xml"),
        ("very long names", Encoding.UTF8.GetBytes($$"""{"username":"{{Long}}","password":"{{Long}}"}"""), "application/json"),
        ("NUL", "{\"username\":\"a\\u0000bcd\",\"password\":\"secret1\",\"note\":\"\\u0000\"}"u8.ToArray(), "application/json"),
        ("raw NUL", [0, 0, 0, 0], "application/json"),
        ("broken UTF-8", [.. "{\"username\":\""u8, 0xC3, 0x28, 0xFF, .. "\",\"password\":\"secret1\"}"u8], "application/json"),
        ("lone surrogate", "{\"username\":\"\\ud800abc\",\"password\":\"secret1\"}"u8.ToArray(), "application/json"),
        ("deep", Encoding.UTF8.GetBytes(new string('[', 5000)), "application/json"),
        ("wrong types", """{"username":{"a":1},"password":[1],"saving":"x","incomes":7}"""u8.ToArray(), "application/json"),
        ("repeated form fields", "grant_type=password&grant_type=refresh_token&username=demo&password=demo"u8.ToArray(), "application/x-www-form-urlencoded"),
        ("broken form", "grant_type=%&username=%zz&password=%c3%28%00"u8.ToArray(), "application/x-www-form-urlencoded"),
        ("NUL in a form", "grant_type=password&username=de%00mo&password=de%00mo"u8.ToArray(), "application/x-www-form-urlencoded"),
        ("long form", Encoding.UTF8.GetBytes($"grant_type=password&username={Long}&password={Long}"), "application/x-www-form-urlencoded"),
        ("too large", new byte[3_000_000], "application/json"),
        ("too large form", new byte[3_000_000], "application/x-www-form-urlencoded"),
    ];

    [Theory]
    [InlineData("POST", "/accounts/", false)]
    [InlineData("PUT", "/accounts/current", true)]
    [InlineData("POST", "/uaa/oauth/token", false)]
    [InlineData("POST", "/uaa/check_token", false)]
    [InlineData("POST", "/uaa/users", true)]
    [InlineData("POST", "/uaa/userinfo", true)]
    [InlineData("PUT", "/accounts/demo", true)]
    [InlineData("POST", "/accounts/current", true)]
    public async Task Every_endpoint_answers_a_bad_body_with_4xx_and_lives(string method, string path, bool withToken)
    {
        // Past the gateway the service takes only what was made for it.
        var token = withToken ? await _mesh.UserTokenAsync(more: [("resource", "mesh://gateway"), ("resource", "mesh://account-service")]) : null;
        var direct = path.StartsWith("/uaa", StringComparison.Ordinal) ? _mesh.AuthPort : _mesh.AccountPort;
        foreach (var origin in new[] { _mesh.Url.OriginalString, $"http://127.0.0.1:{direct}" })
        {
            foreach (var (name, body, mediaType) in Bodies)
            {
                var content = new ByteArrayContent(body);
                if (mediaType is not null) content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
                var (status, answer) = await StatusAsync(new HttpMethod(method), origin + path, token, content);
                Assert.True(status is >= 400 and < 500, $"{method} {origin}{path} with {name}: {status} {answer}");
            }
        }
        Assert.Equal(200, (await _mesh.GetAsync("/accounts/demo")).Status);
    }

    [Fact]
    public async Task The_registry_answers_a_bad_body_with_4xx()
    {
        foreach (var (name, body, mediaType) in Bodies)
        {
            var content = new ByteArrayContent(body);
            if (mediaType is not null) content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
            var (status, _) = await StatusAsync(HttpMethod.Post, $"http://127.0.0.1:{_mesh.RegistryPort}/eureka/apps/OTHER", null, content);
            Assert.True(status is >= 400 and < 500, $"{name}: {status}");
        }
    }

    [Theory]
    [InlineData("/accounts/%00")]
    [InlineData("/accounts/%ff%fe")]
    [InlineData("/accounts/%c3%28")]
    [InlineData("/accounts/%")]
    [InlineData("/accounts/%zz")]
    [InlineData("/accounts/../uaa/oauth/token")]
    [InlineData("/accounts/..%2f..%2fuaa")]
    [InlineData("/accounts/%2e%2e/uaa")]
    [InlineData("/accounts/..%5cuaa")]
    [InlineData("/accounts/%252e%252e/")]
    [InlineData("//accounts/current")]
    [InlineData("/uaa/%00")]
    [InlineData("/uaa/nothing?%00=%ff")]
    [InlineData("/%uaa")]
    public async Task A_strange_path_is_4xx_everywhere(string target)
    {
        foreach (var port in new[] { _mesh.PortBase, _mesh.AuthPort, _mesh.AccountPort, _mesh.ConfigPort, _mesh.RegistryPort })
        {
            var answer = await RawHttp.GetAsync(new Uri($"http://localhost:{port}"), target, "Authorization: Bearer " + await _mesh.UserTokenAsync());
            Assert.True(answer.Status is >= 400 and < 500, $"{target} at {port}: {answer.Status} {answer.Body}");
        }
    }

    [Fact]
    public async Task A_very_long_path_name_header_and_a_half_request_are_refused_and_the_rest_goes_on()
    {
        var before = (await _mesh.StatusAsync()).Sum(instance => instance.Restarts);
        foreach (var port in new[] { _mesh.PortBase, _mesh.AuthPort, _mesh.AccountPort, _mesh.ConfigPort, _mesh.RegistryPort })
        {
            var server = new Uri($"http://localhost:{port}");
            Assert.InRange((await RawHttp.GetAsync(server, "/accounts/" + Long)).Status, 400, 499);
            Assert.InRange((await RawHttp.GetAsync(server, "/" + new string('y', 40_000))).Status, 400, 499);
            Assert.InRange((await RawHttp.GetAsync(server, "/accounts/current", "X-Long: " + new string('z', 100_000))).Status, 400, 499);
            Assert.InRange((await RawHttp.GetAsync(server, "/accounts/current", "Authorization: Bearer " + new string('z', 20_000))).Status, 400, 499);
            Assert.InRange((await RawHttp.SendAsync(server, "NONSENSE\r\n\r\n")).Status, 400, 499);
            using var half = new System.Net.Sockets.TcpClient();
            await half.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken);
            await half.GetStream().WriteAsync(Encoding.ASCII.GetBytes("POST /accounts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"), TestContext.Current.CancellationToken);
        }
        Assert.Equal(200, (await _mesh.GetAsync("/accounts/demo")).Status);
        Assert.Equal(before, (await _mesh.StatusAsync()).Sum(instance => instance.Restarts));
    }

    private async Task<(int Status, string Body)> StatusAsync(HttpMethod method, string url, string? token, HttpContent content)
    {
        try
        {
            var answer = await _mesh.SendAsync(method, url, token, content);
            // "Not now, come again" is about the moment and not about the input: it must name a time, and is asked once more then.
            if (answer.Status == 503 && answer.Headers.RetryAfter?.Delta is { } wait)
            {
                await Task.Delay(wait);
                answer = await _mesh.SendAsync(method, url, token, content);
            }
            return (answer.Status, answer.Body);
        }
        catch (HttpRequestException e) when (e.InnerException is IOException or System.Net.Sockets.SocketException && content.Headers.ContentLength > 1_000_000)
        {
            // Refused and closed while the body was still on its way: the answer got lost under it. Asked once more in the polite form.
            using var request = new HttpRequestMessage(method, url) { Content = new ByteArrayContent(new byte[3_000_000]) };
            request.Headers.ExpectContinue = true;
            request.Content.Headers.ContentType = content.Headers.ContentType;
            if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await _mesh.Http.SendAsync(request);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }
}
