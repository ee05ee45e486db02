using System.Text;

namespace SecureMesh.Cli.Supervision;

/// <summary>Moves what a process writes into its log, line by line, and remembers its last words.</summary>
internal sealed class OutputPump(LogFile log)
{
    public const string CannotStart = "cannot start: ";

    private const int LongestLineBytes = 64 * 1024;

    /// <summary>The last <c>cannot start:</c> line, without that prefix.</summary>
    public string? StartRefusal { get; private set; }

    /// <summary>The last line on stderr, or the last error on stdout.</summary>
    public string? LastError { get; private set; }

    public async Task RunAsync(Stream output, bool isErrors)
    {
        var buffer = new byte[LongestLineBytes];
        var length = 0;
        while (true)
        {
            int read;
            try
            {
                read = await output.ReadAsync(buffer.AsMemory(length)).ConfigureAwait(false);
            }
            catch (IOException)
            {
                read = 0;
            }

            length += read;
            // A line longer than the buffer is written in pieces: the process must never wait for its log.
            var end = read == 0 || length == buffer.Length ? length : buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
            if (end > 0)
            {
                Write(buffer.AsSpan(0, end), isErrors);
                buffer.AsSpan(end, length - end).CopyTo(buffer);
                length -= end;
            }

            if (read == 0) return;
        }
    }

    private void Write(Span<byte> lines, bool isErrors)
    {
        log.Append(lines);
        foreach (var range in lines.Split((byte)'\n'))
        {
            var line = lines[range];
            if (line.IsEmpty) continue;
            if (isErrors) Remember(Encoding.UTF8.GetString(line).TrimEnd());
            else if (line.IndexOf("\"LogLevel\":\"Error\""u8) >= 0 || line.IndexOf("\"LogLevel\":\"Critical\""u8) >= 0) LastError = Encoding.UTF8.GetString(line).TrimEnd();
        }
    }

    private void Remember(string line)
    {
        if (line.Length == 0) return;
        LastError = line;
        if (line.StartsWith(CannotStart, StringComparison.Ordinal)) StartRefusal = line[CannotStart.Length..];
    }
}
