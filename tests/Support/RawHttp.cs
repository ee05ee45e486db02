using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace SecureMesh.Tests.Support;

/// <summary>HTTP/1.1 by hand, for requests that a well-behaved client would never send.</summary>
public static class RawHttp
{
    /// <summary>Sends the bytes and reads until the server closes or the answer is complete; the request should say <c>Connection: close</c>.</summary>
    public static async Task<RawAnswer> SendAsync(Uri server, byte[] request, TimeSpan? limit = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        using var client = new TcpClient();
        using var timeout = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(20));
        await client.ConnectAsync(server.Host, server.Port, timeout.Token);
        var stream = client.GetStream();
        var received = new MemoryStream();
        try
        {
            await stream.WriteAsync(request, timeout.Token);
            await stream.CopyToAsync(received, timeout.Token);
        }
        catch (IOException)
        {
            // The server may refuse and close while the request is still being written; what it said counts.
        }
        var text = Encoding.Latin1.GetString(received.ToArray());
        var status = text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture) : 0;
        var split = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return new RawAnswer(status, split < 0 ? text : text[..split], split < 0 ? "" : text[(split + 4)..]);
    }

    /// <summary>Sends text as Latin-1, so that any byte can be written as <c>\u00XX</c>.</summary>
    public static Task<RawAnswer> SendAsync(Uri server, string request, TimeSpan? limit = null) =>
        SendAsync(server, Encoding.Latin1.GetBytes(request), limit);

    /// <summary>Sends a GET whose target goes out exactly as written.</summary>
    public static Task<RawAnswer> GetAsync(Uri server, string target, params string[] headers)
    {
        ArgumentNullException.ThrowIfNull(server);
        var lines = string.Concat(headers.Select(header => header + "\r\n"));
        return SendAsync(server, $"GET {target} HTTP/1.1\r\nHost: {server.Authority}\r\n{lines}Connection: close\r\n\r\n");
    }
}

/// <summary>What came back; status 0 when the connection closed without an answer.</summary>
public sealed record RawAnswer(int Status, string Head, string Body);
