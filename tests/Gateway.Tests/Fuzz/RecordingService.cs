using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>A service behind the gateway that keeps the very bytes which reach it and reads them as strictly as the standard allows (RFC 9112).</summary>
internal sealed class RecordingService : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _loop;
    private int _served;

    public RecordingService(string name)
    {
        Name = name;
        _listener.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _loop = AcceptAsync();
    }

    public string Name { get; }

    public Uri Url { get; }

    public ConcurrentQueue<Recorded> Requests { get; } = new();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token));
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        var connection = new Connection(client.GetStream(), _end.Token);
        try
        {
            while (await connection.ReadAsync() is { } request)
            {
                request = request with { Service = Name };
                Requests.Enqueue(request);
                if (request.Fault is not null) return;
                var head = request.Method == "HEAD" ? "" : "ok";
                var close = request.Header("Connection") == "close";
                await connection.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Served: {Interlocked.Increment(ref _served)}\r\n{(close ? "Connection: close\r\n" : "")}\r\n{head}");
                if (close) return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // The gateway closed the connection, or the test is over.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _loop;
        _end.Dispose();
    }

    private sealed class Connection(NetworkStream stream, CancellationToken cancellationToken)
    {
        private byte[] _buffer = [];

        public async Task<Recorded?> ReadAsync()
        {
            int end;
            while ((end = _buffer.AsSpan().IndexOf("\r\n\r\n"u8)) < 0)
            {
                if (!await FillAsync()) return _buffer.Length == 0 ? null : Recorded.Broken(Text(_buffer), "the head has no end");
            }
            var recorded = Recorded.Read(Text(_buffer.AsSpan(0, end)));
            _buffer = _buffer[(end + 4)..];
            if (recorded.Fault is not null) return recorded;
            var body = recorded.IsChunked ? await ChunksAsync() : await TakeAsync(recorded.Length);
            if (body is null) return recorded with { Fault = recorded.IsChunked ? "the chunks are broken or cut off" : "the body is cut off", Cut = true };
            // The gateway waits for an answer before it sends the next request: what lies behind this one is no request of the gateway's.
            if (_buffer.Length > 0) return recorded with { Body = body, Fault = "bytes behind the request: " + Text(_buffer) };
            return recorded with { Body = body };
        }

        public Task WriteAsync(string answer) => stream.WriteAsync(Encoding.Latin1.GetBytes(answer), cancellationToken).AsTask();

        private async Task<string?> TakeAsync(int length)
        {
            while (_buffer.Length < length)
            {
                if (!await FillAsync()) return null;
            }
            var taken = Text(_buffer.AsSpan(0, length));
            _buffer = _buffer[length..];
            return taken;
        }

        private async Task<string?> ChunksAsync()
        {
            var body = new StringBuilder();
            while (true)
            {
                if (await LineAsync() is not { } line || !int.TryParse(line, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size)) return null;
                if (size == 0) return await LineAsync() == "" ? body.ToString() : null; // no trailers: the gateway passes none on
                if (await TakeAsync(size) is not { } piece || await LineAsync() != "") return null;
                body.Append(piece);
            }
        }

        private async Task<string?> LineAsync()
        {
            int end;
            while ((end = _buffer.AsSpan().IndexOf("\r\n"u8)) < 0)
            {
                if (!await FillAsync()) return null;
            }
            return (await TakeAsync(end + 2))![..^2];
        }

        private async Task<bool> FillAsync()
        {
            var more = new byte[16 * 1024];
            var read = await stream.ReadAsync(more, cancellationToken);
            _buffer = [.. _buffer, .. more.AsSpan(0, read)];
            return read > 0;
        }

        private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
    }
}

/// <summary>What reached a service.</summary>
/// <param name="Head">Request line and headers as they came.</param>
/// <param name="Fault">What a strict reader finds wrong with it.</param>
internal sealed record Recorded(string Service, string Head, string Method, string Target, IReadOnlyList<(string Name, string Value)> Headers, string? Fault)
{
    private static readonly SearchValues<char> _token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public string Body { get; init; } = "";

    /// <summary>The gateway closed the connection within the body, as it does when the caller breaks off.</summary>
    public bool Cut { get; init; }

    public bool IsChunked => Header("Transfer-Encoding") is not null;

    public int Length => int.Parse(Header("Content-Length") ?? "0", CultureInfo.InvariantCulture);

    public string? Header(string name)
    {
        var values = Headers.Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value).ToList();
        return values.Count == 0 ? null : string.Join('|', values);
    }

    public static Recorded Broken(string head, string fault) => new("", head, "", "", [], fault);

    public static Recorded Read(string head)
    {
        var lines = head.Split("\r\n");
        var line = lines[0].Split(' ');
        if (line.Length != 3 || line[2] != "HTTP/1.1" || line[0].AsSpan().ContainsAnyExcept(_token)) return Broken(head, "the request line is wrong");
        var headers = new List<(string Name, string Value)>();
        foreach (var text in lines.Skip(1))
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || text.AsSpan(0, colon).ContainsAnyExcept(_token)) return Broken(head, "a header name is wrong: " + text);
            headers.Add((text[..colon], text[(colon + 1)..].Trim(' ', '\t')));
        }
        var recorded = new Recorded("", head, line[0], line[1], headers, null);
        if (head.AsSpan().ContainsAny('\0', '\x7f') || head.Replace("\r\n", "", StringComparison.Ordinal).AsSpan().ContainsAny('\r', '\n')) return recorded with { Fault = "a bare CR, LF, NUL or DEL" };
        var lengths = headers.Count(header => header.Name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase));
        var codings = headers.Count(header => header.Name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase));
        if (lengths + codings > 1) return recorded with { Fault = "more than one length" };
        if (codings == 1 && recorded.Header("Transfer-Encoding") != "chunked") return recorded with { Fault = "a transfer coding beside chunked" };
        if (lengths == 1 && recorded.Header("Content-Length") is { } length && (length.Length is 0 or > 9 || length.AsSpan().ContainsAnyExceptInRange('0', '9'))) return recorded with { Fault = "the length is no number" };
        return recorded;
    }
}
