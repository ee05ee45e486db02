using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace SecureMesh.Sdk.Tests.Errors;

public sealed class BodyLimitTests
{
    [Theory]
    [InlineData(1_048_577)]
    [InlineData(5_000_000)]
    [InlineData(40_000_000)]
    public async Task Who_sends_a_body_that_is_too_large_to_its_end_reads_the_413(int length)
    {
        await using var service = await Service.StartAsync(app => app.MapPost("/notes", (HttpContext http) => http.Request.Body.CopyToAsync(Stream.Null)).AllowAnonymous());
        using var client = new TcpClient();
        await client.ConnectAsync(service.Url.Host, service.Url.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        await stream.WriteAsync(new byte[length], TestContext.Current.CancellationToken); // a broken pipe here is what must not be
        var answer = await new StreamReader(stream).ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"error\":\"request_too_large\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_in_chunks_is_counted()
    {
        await using var service = await Service.StartAsync(app => app.MapPost("/notes", (HttpContext http) => http.Request.Body.CopyToAsync(Stream.Null)).AllowAnonymous());
        using var chunks = new StreamContent(new MemoryStream(new byte[1_048_577]));
        chunks.Headers.ContentLength = null;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/notes") { Content = chunks };
        request.Headers.TransferEncodingChunked = true;

        using var client = new HttpClient { BaseAddress = service.Url };
        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(413, (int)answer.StatusCode);
    }

    [Fact]
    public async Task The_largest_body_that_is_taken_is_taken()
    {
        await using var service = await Service.StartAsync(app => app.MapPost("/notes", (HttpContext http) => http.Request.Body.CopyToAsync(Stream.Null)).AllowAnonymous());

        var answer = await service.SendAsync(HttpMethod.Post, "/notes", null, new ByteArrayContent(new byte[1_048_576]));

        Assert.Equal(200, answer.Status);
    }
}
