namespace SecureMesh.Sdk;

/// <summary>
/// Server-sent events (WHATWG HTML §9.2.6) from the body of an answer. Apart from <c>event</c> and <c>data</c> nothing is read. What
/// has arrived is taken event by event, so that a burst can be worked on as one.
/// </summary>
internal sealed class EventStream(Stream body)
{
    private const int LongestEvent = 64 * 1024;
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>Waits for more to arrive.</summary>
    /// <returns>False when the body has ended.</returns>
    /// <exception cref="InvalidDataException">An event does not end: no more of it is kept.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_end >= LongestEvent) throw new InvalidDataException("an event is longer than 64 KiB");
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        var read = await body.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        return read > 0;
    }

    /// <summary>The next whole event among what has arrived.</summary>
    /// <param name="name">Its name; empty when it is none of the feed's.</param>
    /// <param name="data">Its data; good until the next <see cref="ReadAsync"/>.</param>
    /// <returns>False when there is none.</returns>
    public bool TryTake(out string name, out ReadOnlyMemory<byte> data)
    {
        (name, data) = ("", default);
        var at = _start;
        var hasData = false;
        while (_buffer.AsSpan(at, _end - at).IndexOf((byte)'\n') is >= 0 and var length)
        {
            var line = _buffer.AsMemory(at, length > 0 && _buffer[at + length - 1] == '\r' ? length - 1 : length);
            at += length + 1;
            if (line.IsEmpty)
            {
                _start = at;
                if (hasData) return true;
                name = ""; // a comment alone, or an event without data, is none
            }
            else if (Field(line, "event") is { } value)
            {
                name = Name(value.Span);
            }
            else if (Field(line, "data") is { } more)
            {
                data = hasData ? (byte[])[.. data.Span, (byte)'\n', .. more.Span] : more;
                hasData = true;
            }
        }
        return false;
    }

    private static ReadOnlyMemory<byte>? Field(ReadOnlyMemory<byte> line, string name)
    {
        var span = line.Span;
        if (span.Length <= name.Length || span[name.Length] != ':' || !System.Text.Ascii.Equals(span[..name.Length], name)) return null;
        return span.Length > name.Length + 1 && span[name.Length + 1] == ' ' ? line[(name.Length + 2)..] : line[(name.Length + 1)..];
    }

    private static string Name(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("revocation"u8) ? "revocation"
        : name.SequenceEqual("heartbeat"u8) ? "heartbeat"
        : name.SequenceEqual("head"u8) ? "head"
        : name.SequenceEqual("reset"u8) ? "reset"
        : name.SequenceEqual("end"u8) ? "end"
        : "";
}
