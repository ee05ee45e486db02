using System.Net.Http.Headers;
using System.Text;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Account.Tests;

public sealed class BadInputTests : IAsyncLifetime
{
    private AccountMesh _mesh = null!;

    public async ValueTask InitializeAsync() => _mesh = await AccountMesh.StartAsync(settings: ("mesh:demo", "true"));

    public ValueTask DisposeAsync() => _mesh.DisposeAsync();

    public static TheoryData<string, byte[], string?, int> Bodies => new()
    {
        { "not JSON", "{{{"u8.ToArray(), "application/json", 400 },
        { "empty", [], "application/json", 400 },
        { "null", "null"u8.ToArray(), "application/json", 400 },
        { "a list", "[1,2]"u8.ToArray(), "application/json", 400 },
        { "two objects", "{}{}"u8.ToArray(), "application/json", 400 },
        { "a comment", "{/**/}"u8.ToArray(), "application/json", 400 },
        { "a byte order mark", [0xEF, 0xBB, 0xBF, .. "{}"u8], "application/json", 400 },
        { "a member twice", """{"username":"alice1","username":"alice2","password":"secret1","saving":1}"""u8.ToArray(), "application/json", 400 },
        { "a member twice, once escaped", """{"username":"alice1","usern\u0061me":"alice2","password":"secret1"}"""u8.ToArray(), "application/json", 400 },
        { "NUL", "{\"username\":\"a\\u0000bcd\",\"password\":\"secret1\",\"note\":\"\\u0000\"}"u8.ToArray(), "application/json", 400 },
        { "NUL bytes", [0, 0, 0, 0], "application/json", 400 },
        { "broken UTF-8", [.. "{\"username\":\""u8, 0xC3, 0x28, 0xFF, .. "\",\"password\":\"secret1\"}"u8], "application/json", 400 },
        { "half a surrogate pair", "{\"username\":\"\\ud800abc\",\"password\":\"secret1\"}"u8.ToArray(), "application/json", 400 },
        { "half a surrogate pair in a name", "{\"\\ud800\":1,\"\\ud800\":2}"u8.ToArray(), "application/json", 400 },
        { "very deep", Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 5000)), "application/json", 400 },
        { "wrong types", """{"username":{"a":1},"password":[1],"saving":"x","incomes":7}"""u8.ToArray(), "application/json", 400 },
        { "very long names", Encoding.UTF8.GetBytes($$"""{"username":"{{new string('x', 5000)}}","password":"{{new string('x', 5000)}}"}"""), "application/json", 400 },
        { "too large", new byte[300_000], "application/json", 413 },
        { "text", "{}"u8.ToArray(), "text/plain", 415 },
        { "no media type", "{}"u8.ToArray(), null, 415 },
        { "a form", "username=alice1&password=secret1"u8.ToArray(), "application/x-www-form-urlencoded", 415 },
        { "UTF-16", Encoding.Unicode.GetBytes("{}"), "application/json; charset=utf-16", 415 },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_bad_body_is_told_so(string what, byte[] body, string? mediaType, int status)
    {
        foreach (var (method, path) in new[] { (HttpMethod.Post, "/accounts/"), (HttpMethod.Put, "/accounts/current") })
        {
            using var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(body) };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _mesh.User("demo"));
            if (mediaType is not null) request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);

            var answer = await Answer.OfAsync(await _mesh.Service.Http.SendAsync(request, TestContext.Current.CancellationToken));

            Assert.True(answer.Status == status, $"{method} with {what}: {answer.Status} {answer.Body}");
            Assert.Equal("application/problem+json", answer.MediaType);
        }
        Assert.Empty(_mesh.Auth.Seen);
        (await _mesh.GetAsync("/accounts/demo")).Expect(200);
    }

    [Fact]
    public async Task A_body_that_grows_too_large_while_it_is_sent_in_chunks_is_413()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/accounts/") { Content = new StreamContent(new MemoryStream(new byte[300_000])) };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");

        Assert.Equal(413, (int)(await _mesh.Service.Http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [InlineData("/accounts/%00")]
    [InlineData("/accounts/%ff%fe")]
    [InlineData("/accounts/%c3%28")]
    [InlineData("/accounts/%")]
    [InlineData("/accounts/%zz")]
    [InlineData("/accounts/..%2fdemo")]
    public async Task A_strange_name_is_4xx(string target)
    {
        foreach (var token in new[] { _mesh.User("demo"), _mesh.Server() })
            Assert.InRange((await RawHttp.GetAsync(_mesh.Service.Url, target, "Authorization: Bearer " + token)).Status, 400, 499);
    }

    [Fact]
    public async Task A_very_long_name_is_4xx()
    {
        Assert.InRange((await RawHttp.GetAsync(_mesh.Service.Url, "/accounts/" + new string('x', 5000), "Authorization: Bearer " + _mesh.Server())).Status, 400, 499);
        Assert.InRange((await RawHttp.GetAsync(_mesh.Service.Url, "/accounts/" + new string('x', 50_000))).Status, 400, 499);
    }

    [Fact]
    public async Task Half_a_body_harms_nobody()
    {
        var answer = await RawHttp.SendAsync(_mesh.Service.Url, "POST /accounts/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n{}\r\n");

        Assert.Equal(400, answer.Status);
        (await _mesh.GetAsync("/accounts/demo")).Expect(200);
    }
}
