using System.Text;

namespace SecureMesh.Config.Documents;

/// <summary>A configuration file after reading: its documents, or why it cannot be read.</summary>
/// <param name="Documents">The documents, lowest priority first; empty when broken.</param>
/// <param name="Fault">What is wrong, without the file's name; null when all is well.</param>
/// <param name="Line">Line of the fault, from 1; 0 = unknown.</param>
internal sealed record ConfigFile(IReadOnlyList<ConfigDocument> Documents, string? Fault = null, int Line = 0)
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Extensions of configuration files, highest priority first.</summary>
    public static readonly IReadOnlyList<string> Extensions = [".properties", ".xml", ".yml", ".yaml"];

    public static ConfigFile Read(string extension, byte[] content)
    {
        try
        {
            return new(extension switch
            {
                ".properties" => PropertiesDocuments.Read(Encoding.Latin1.GetString(content)),
                ".xml" => XmlDocuments.Read(content),
                _ => YamlDocuments.Read(Utf8(content)),
            });
        }
        catch (DocumentException e)
        {
            return Broken(e);
        }
        // Whatever a file holds, it costs the file and never the server: a fault of a reader is a broken file too.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return Broken(new DocumentException(null, $"cannot be read ({e.GetType().Name})"));
        }
    }

    public static ConfigFile Broken(DocumentException e)
    {
        var position = e.Origin?.Split(':');
        var line = position is null ? 0 : int.Parse(position[0], System.Globalization.CultureInfo.InvariantCulture);
        var message = OneLine.Of(e.Message);
        return new([], position is null ? message : $"line {position[0]}, column {position[1]}: {message}", line);
    }

    // YAML knows no control characters (YAML 1.1 §5.1); in a value they would reach logs, headers and commands.
    private static void RefuseControls(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (!char.IsControl(text[at]) || text[at] is '\t' or '\n' or '\r' or '\u0085') continue;
            var line = text.AsSpan(0, at).Count('\n') + 1;
            var column = at - text.AsSpan(0, at).LastIndexOf('\n');
            throw new DocumentException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{line}:{column}"), "a control character");
        }
    }

    private static string Utf8(byte[] content)
    {
        try
        {
            var text = StrictUtf8.GetString(content);
            if (text.StartsWith('\uFEFF')) text = text[1..];
            RefuseControls(text);
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw new DocumentException(null, "the file is not UTF-8");
        }
    }
}
