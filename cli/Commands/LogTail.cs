using System.Text;

namespace SecureMesh.Cli.Commands;

/// <summary>Reads the end of a log and what is added to it, over rotations.</summary>
internal sealed class LogTail(string path, Func<string, string> form)
{
    // The first line holds a time, so a file that begins otherwise is another file.
    private const int HeadBytes = 128;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private byte[] _head = [];
    private long _position;
    private string _half = "";

    public void WriteLast(int count, TextWriter output)
    {
        var text = Read();
        // A file that was just rotated is short: the rest is in the one before.
        if (text.Count('\n') < count && File.Exists(path + ".1")) text = File.ReadAllText(path + ".1") + text;
        _half = text[(text.LastIndexOf('\n') + 1)..];
        var lines = text.Split('\n')[..^1];
        foreach (var line in lines.TakeLast(count)) output.WriteLine(form(line));
    }

    public void WriteNew(TextWriter output)
    {
        var lines = (_half + Read()).Split('\n');
        _half = lines[^1];
        foreach (var line in lines[..^1]) output.WriteLine(form(line));
    }

    private string Read()
    {
        try
        {
            using var file = Open(path);
            if (IsSame(file)) return Rest(file);

            // Rotated: what is left of the old file first.
            using var old = Open(path + ".1");
            var rest = IsSame(old) ? Rest(old) : "";
            (_position, _head) = (0, []);
            return rest + Rest(file);
        }
        catch (FileNotFoundException)
        {
            return ""; // between the two steps of a rotation
        }
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private bool IsSame(FileStream file)
    {
        if (file.Length < _position) return false;
        var head = new byte[_head.Length];
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head.AsSpan().SequenceEqual(_head);
    }

    private string Rest(FileStream file)
    {
        var bytes = new byte[file.Length - _position];
        file.Position = _position;
        var read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (_head.Length == 0 || (_head.Length < HeadBytes && _position + read >= HeadBytes))
        {
            _head = new byte[Math.Min(HeadBytes, _position + read)];
            file.Position = 0;
            file.ReadExactly(_head);
        }

        _position += read;
        var text = new char[_decoder.GetCharCount(bytes, 0, read, flush: false)];
        return new string(text, 0, _decoder.GetChars(bytes, 0, read, text, 0, flush: false));
    }
}
