using System.Text;

namespace SecureMesh.Cli.Commands;

/// <summary>Reads the end of a log and what is added to it, over rotations.</summary>
internal sealed class LogTail(string path, string prefix)
{
    private long _position;
    private string _half = "";

    public void WriteLast(int count, TextWriter output)
    {
        var text = Read();
        // A file that was just rotated is short: the rest is in the one before.
        if (text.Count('\n') < count && File.Exists(path + ".1")) text = File.ReadAllText(path + ".1") + text;
        _half = text[(text.LastIndexOf('\n') + 1)..];
        var lines = text.Split('\n')[..^1];
        foreach (var line in lines.TakeLast(count)) output.WriteLine(prefix + line);
    }

    public void WriteNew(TextWriter output)
    {
        var lines = (_half + Read()).Split('\n');
        _half = lines[^1];
        foreach (var line in lines[..^1]) output.WriteLine(prefix + line);
    }

    private string Read()
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length < _position) _position = 0; // rotated: a new file
            file.Position = _position;
            using var reader = new StreamReader(file, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
            var text = reader.ReadToEnd();
            _position = file.Position;
            return text;
        }
        catch (FileNotFoundException)
        {
            return ""; // between the two steps of a rotation
        }
    }
}
