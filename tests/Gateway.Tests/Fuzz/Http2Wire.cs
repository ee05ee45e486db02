using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace SecureMesh.Gateway.Tests.Fuzz;

/// <summary>HTTP/2 by hand (RFC 9113), without TLS and with prior knowledge: frames that a well-behaved client would never send.</summary>
internal sealed class Http2Wire : IDisposable
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, EndHeaders = 4;
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly CancellationToken _stop;
    private NetworkStream _stream = null!;

    private Http2Wire(CancellationToken stop) => _stop = stop;

    public static async Task<Http2Wire> ConnectAsync(Uri server, CancellationToken stop)
    {
        var wire = new Http2Wire(stop);
        await wire._client.ConnectAsync(server.Host, server.Port, stop);
        wire._stream = wire._client.GetStream();
        // No table of headers: what comes back can be read field by field.
        await wire.WriteAsync([.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [0, 1, 0, 0, 0, 0])]);
        return wire;
    }

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>Every field as a literal without index (RFC 7541 §6.2.2), so that any bytes can be sent.</summary>
    public static byte[] Fields(IEnumerable<(string Name, string Value)> fields)
    {
        var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            Text(block, name);
            Text(block, value);
        }
        return block.ToArray();
    }

    private static void Text(MemoryStream block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < 127) block.WriteByte((byte)bytes.Length);
        else
        {
            block.WriteByte(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7) block.WriteByte((byte)((rest & 127) | 128));
            block.WriteByte((byte)rest);
        }
        block.Write(bytes);
    }

    public Task WriteAsync(byte[] bytes) => _stream.WriteAsync(bytes, _stop).AsTask();

    /// <summary>The next frame; null when the server has closed the connection.</summary>
    public async Task<(byte Type, byte Flags, int Stream, byte[] Payload)?> ReadAsync()
    {
        try
        {
            var head = new byte[9];
            await _stream.ReadExactlyAsync(head, _stop);
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >> 8 & 0xffffff];
            await _stream.ReadExactlyAsync(payload, _stop);
            if (head[3] == Settings && (head[4] & 1) == 0) await WriteAsync(Frame(Settings, 1, 0, []));
            return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return null;
        }
    }

    /// <summary>The status of an answer, which comes first in its block; 0 when the frame is none.</summary>
    public static int Status(ReadOnlySpan<byte> block)
    {
        while (block.Length > 0 && (block[0] & 0xe0) == 0x20) block = block[1..]; // a change of the table's size
        if (block.Length == 0) return 0;
        int[] known = [200, 204, 206, 304, 400, 404, 500]; // RFC 7541, appendix A, from 8 on
        if ((block[0] & 0x80) != 0) return (block[0] & 0x7f) is >= 8 and <= 14 and var index ? known[index - 8] : 0;
        return block.Length >= 5 && block[1] == 3 ? int.Parse(Encoding.ASCII.GetString(block.Slice(2, 3)), System.Globalization.CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>Sends a variant and reads until every stream of it has ended, or the connection has.</summary>
    public static async Task<Wire.Answers> SendAsync(Uri server, Http2Variant variant)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Xunit.TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(40));
        var statuses = new List<int>();
        var open = variant.Streams.ToHashSet();
        try
        {
            using var wire = await ConnectAsync(server, limit.Token);
            await wire.WriteAsync(variant.Frames);
            while (open.Count > 0 && await wire.ReadAsync() is { } frame && frame.Type != GoAway)
            {
                if (frame.Type == Headers && Status(frame.Payload) is >= 200 and var status) statuses.Add(status);
                if (frame.Type == Reset || (frame.Type is Headers or Data && (frame.Flags & EndStream) != 0)) open.Remove(frame.Stream);
            }
        }
        catch (IOException)
        {
            // Closed while it was being written.
        }
        catch (OperationCanceledException) when (!Xunit.TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return new Wire.Answers("", statuses) { Hung = true };
        }
        return new Wire.Answers(string.Join(' ', statuses), statuses);
    }

    public void Dispose() => _client.Dispose();
}
