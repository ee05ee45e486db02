using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Protocol;

/// <summary>Whatever is sent, the answer is a 4xx in JSON, and the service lives.</summary>
public sealed class BadInputTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Grant = "grant_type=password&username=demo&password=demo";

    public static TheoryData<string, string, string, int> Forms { get; } = new()
    {
        { "N_NUL_in_a_user_name", Form, "grant_type=password&username=de%00mo&password=demo", 400 },
        { "NUL_in_a_scope", Form, Grant + "&scope=ui%00", 400 },
        { "raw_NUL", Form, "grant_type=password&username=de\u0000mo&password=demo", 400 },
        { "broken_UTF_8", Form, "grant_type=password&username=%C3%28&password=demo", 400 },
        { "half_a_surrogate", Form, "grant_type=password&username=%ED%A0%80&password=demo", 400 },
        { "raw_Latin_1", Form, "grant_type=password&username=m\u00fcller&password=demo", 400 },
        { "half_an_escape", Form, "grant_type=password&username=demo%2&password=demo", 400 },
        { "no_escape", Form, "grant_type=password&username=demo%zz&password=demo", 400 },
        { "X_03_repeated_parameter", Form, Grant + "&scope=ui&scope=openid", 400 },
        { "X_03_repeated_grant_type", Form, Grant + "&grant_type=client_credentials", 400 },
        { "V_021_repeated_empty_scope", Form, Grant + "&scope=&scope=ui", 400 },
        { "X_06_JSON", "application/json", """{"grant_type":"password","username":"demo","password":"demo"}""", 400 },
        { "no_media_type", "", Grant, 400 },
        { "wrong_media_type", "text/plain", Grant, 400 },
        { "multipart", "multipart/form-data; boundary=x", Grant, 400 },
        { "another_charset", Form + "; charset=iso-8859-1", Grant, 400 },
        { "empty_body", Form, "", 400 },
        { "no_grant_type", Form, "username=demo", 400 },
        { "X_04_empty_grant_type", Form, "grant_type=&username=demo", 400 },
        { "unknown_grant_type", Form, "grant_type=teleport", 400 },
        { "implicit", Form, "grant_type=implicit", 400 },
        { "quotes_in_a_scope", Form, Grant + "&scope=%22ui%22", 400 },
        { "line_breaks_in_a_scope", Form, Grant + "&scope=u%0D%0Ai", 400 },
        { "very_long_scope", Form, Grant + "&scope=" + new string('a', 5000), 400 },
        { "unknown_token_format", Form, Grant + "&token_format=xml", 400 },
        { "very_long_user_name", Form, "grant_type=password&username=" + new string('a', 60_000) + "&password=demo", 401 },
        { "odd_user_name", Form, "grant_type=password&username=%27%3B+DROP+TABLE+users%3B--&password=demo", 401 },
        { "K_14_too_many_parameters", Form, Grant + string.Concat(Enumerable.Range(0, 60).Select(i => $"&p{i}=1")), 400 },
        { "too_large", Form, Grant + "&x=" + new string('a', 70_000), 413 },
        { "ten_megabytes", Form, Grant + "&x=" + new string('a', 10_000_000), 413 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task X_02_a_bad_token_request_is_a_clear_refusal(string what, string type, string body, int status)
    {
        var answer = await PostAsync("/uaa/oauth/token", type, Encoding.Latin1.GetBytes(body));

        Assert.True(answer.Status == status, $"{what}: {answer.Status} {answer.Body}");
        AssertError(answer.Body, what);
        Assert.Equal(200, (await auth.SignInAsync()).Status);
    }

    [Theory]
    [InlineData("""{"origin":"\ud800"}""")]
    [InlineData("""{"\ud800":"uaa"}""")]
    [InlineData("""{"\ud800":"uaa","origin":"uaa"}""")]
    [InlineData("""{"origin":1}""")]
    [InlineData("""["origin"]""")]
    [InlineData("{")]
    [InlineData("%")]
    public async Task A_login_hint_that_is_no_text_is_no_hint(string hint)
    {
        var reply = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("login_hint", hint));

        Assert.Equal(200, reply.Status);
    }

    [Theory]
    [InlineData("""{"alg":"ES256","kid":"\ud800"}""", "{}")]
    [InlineData("""{"alg":"\ud800"}""", "{}")]
    [InlineData("""{"alg":"ES256","typ":"\ud800"}""", """{"sub":"\ud800","\ud800":1}""")]
    [InlineData("[]", "[]")]
    [InlineData("{}", "1")]
    public async Task A_token_that_is_no_text_is_not_good(string header, string payload)
    {
        var token = string.Join('.', new[] { header, payload, new string('x', 64) }.Select(part => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part))));

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
        Assert.Equal(400, (await auth.PostAsync("uaa/check_token", "account-service:account-secret", ("token", token))).Status);
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", "account-service:account-secret", ("token", token))).Body);
    }

    [Theory]
    [InlineData("/uaa/check_token")]
    [InlineData("/uaa/introspect")]
    public async Task Inspection_reads_its_form_as_strictly(string path)
    {
        foreach (var (type, body) in new[] { ("application/json", "{}"), (Form, "token=%00"), (Form, "token=a&token=b"), (Form, "token=%FF"), (Form, "token=" + new string('a', 70_000)) })
        {
            var answer = await PostAsync(path, type, Encoding.Latin1.GetBytes(body));
            Assert.InRange(answer.Status, 400, 499);
            AssertError(answer.Body, body[..Math.Min(20, body.Length)]);
        }
    }

    [Theory]
    [InlineData("GET", "/uaa/oauth/token", "POST")]
    [InlineData("PUT", "/uaa/oauth/token", "POST")]
    [InlineData("DELETE", "/uaa/oauth/token", "POST")]
    [InlineData("GET", "/uaa/oauth/token?grant_type=password&username=demo&password=demo", "POST")]
    [InlineData("GET", "/uaa/introspect", "POST")]
    [InlineData("GET", "/uaa/check_token", "POST")]
    [InlineData("POST", "/uaa/token_keys", "GET, HEAD")]
    [InlineData("GET", "/uaa/users", "POST")]
    [InlineData("PATCH", "/uaa/users/somebody", "DELETE")]
    public async Task X_07_another_method_is_a_405_with_allow(string method, string path, string allow)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        var reply = await auth.SendAsync(request);

        Assert.Equal(405, reply.Status);
        Assert.Equal("method_not_allowed", reply.Text("error"));
        Assert.Equal(allow, string.Join(", ", reply.Content.Allow));
    }

    [Theory]
    [InlineData("/uaa/oauth/authorize")]
    [InlineData("/uaa/nothing")]
    [InlineData("/uaa/")]
    [InlineData("/uaa/Users")]
    [InlineData("/UAA/oauth/token")]
    [InlineData("/uaa/OAuth/Token")]
    [InlineData("/uaa/users/current/more")]
    [InlineData("/uaa/%00")]
    public async Task What_does_not_exist_is_a_refusal_in_JSON(string path)
    {
        var answer = await RawHttp.GetAsync(auth.Url, path);

        Assert.InRange(answer.Status, 400, 404);
        if (answer.Body.Length > 0) Assert.DoesNotContain("problem+json", path.StartsWith("/uaa", StringComparison.Ordinal) ? answer.Head : "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task X_08_two_Authorization_headers_are_refused()
    {
        const string basic = "Authorization: Basic YnJvd3Nlcjo=\r\n";
        var answer = await RawHttp.SendAsync(auth.Url,
            $"POST /uaa/oauth/token HTTP/1.1\r\nHost: {auth.Url.Authority}\r\n{basic}{basic}Content-Type: {Form}\r\nContent-Length: {Grant.Length}\r\nConnection: close\r\n\r\n{Grant}");

        Assert.Equal(400, answer.Status);
        Assert.Contains("\"error\":\"invalid_request\"", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task T_22_line_breaks_of_a_caller_do_not_reach_the_log()
    {
        await PostAsync("/uaa/oauth/token", Form, Encoding.ASCII.GetBytes(Grant + "&scope=%0D%0AError+forged"));

        Assert.DoesNotContain(auth.Logs, line => line.Contains('\n', StringComparison.Ordinal) && line.Contains("forged", StringComparison.Ordinal));
    }

    private Task<RawAnswer> PostAsync(string path, string type, byte[] body)
    {
        var head = $"POST {path} HTTP/1.1\r\nHost: {auth.Url.Authority}\r\nAuthorization: Basic YnJvd3Nlcjo=\r\n"
            + (type.Length > 0 ? $"Content-Type: {type}\r\n" : "") + $"Content-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        return RawHttp.SendAsync(auth.Url, [.. Encoding.Latin1.GetBytes(head), .. body]);
    }

    private static void AssertError(string body, string what)
    {
        using var json = JsonDocument.Parse(body);
        Assert.True(json.RootElement.GetProperty("error").GetString()!.Length > 0, what);
        Assert.Matches(@"^[\x20-\x21\x23-\x5B\x5D-\x7E]+$", json.RootElement.GetProperty("error_description").GetString());
        Assert.All(json.RootElement.EnumerateObject(), member => Assert.Contains(member.Name, new[] { "error", "error_description", "scope" }));
    }
}
