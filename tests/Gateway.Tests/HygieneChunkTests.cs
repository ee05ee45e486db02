using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Bodies that break off: their heads may still be on the way to a service when the caller has his answer, so other tests do not share it.</summary>
public sealed class HygieneChunkTests(SharedDoor shared) : IClassFixture<SharedDoor>
{
    [Theory]
    [InlineData("5\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a\nb\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0x5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("-5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\r\nhelloGET /accounts/demo HTTP/1.1\r\n")]
    [InlineData("ffffffffffffffff\r\nhello")]
    [InlineData("0\r\n\n")]
    [InlineData("0\n\n")]
    [InlineData("0\r\nX-User: canary\n\n")]
    [InlineData("0;\n\r\n")]
    public async Task V_091_a_broken_chunk_is_400_and_nothing_behind_it_is_a_request(string chunks)
    {
        var answer = await RawHttp.SendAsync(shared.Door.Url, $"POST /accounts/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /accounts/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.DoesNotContain(shared.Account.Requests, request => request.Method == "GET");
        Assert.DoesNotContain("HTTP/1.1", answer.Body, StringComparison.Ordinal); // one answer
        Assert.NotEqual(500, answer.Status);
    }
}
