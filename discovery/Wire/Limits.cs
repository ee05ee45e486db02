using System.Xml;

namespace SecureMesh.Discovery.Wire;

/// <summary>What one registration may hold. Everything in it is given to every client, so one bad value could lose them all a fetch.</summary>
internal static class Limits
{
    public const int BodyBytes = 64 * 1024;
    public const int Depth = 16;
    public const int MetadataEntries = 100;
    public const int MetadataKey = 256;
    public const int MetadataValue = 4 * 1024;
    public const int Text = 1024;
    public const int Id = 256;

    // Parts of metadata keys that look like credentials: the registry is read by every service.
    private static readonly string[] SecretWords = ["password", "passwd", "secret", "token", "credential", "apikey", "api-key", "api_key"];

    /// <summary>
    /// No control characters (log injection), and nothing that XML 1.0 cannot carry: one such value would fail every answer in XML.
    /// </summary>
    public static bool Printable(string? text)
    {
        for (var i = 0; i < (text?.Length ?? 0); i++)
        {
            var c = text![i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) i++;
            else if (char.IsControl(c) || c is '\u2028' or '\u2029' || !XmlConvert.IsXmlChar(c)) return false;
        }
        return true;
    }

    /// <summary>What is wrong with the metadata, or null.</summary>
    public static string? Fault(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count > MetadataEntries) return "Too many metadata entries";
        // A body could not hold more; entries that are set one by one must not add up to more either.
        if (metadata.Sum(entry => entry.Key.Length + entry.Value.Length) > BodyBytes) return "Too much metadata";
        foreach (var (key, value) in metadata)
        {
            if (key.Length is 0 or > MetadataKey || !Printable(key)) return "Invalid metadata key";
            if (value.Length > MetadataValue || !Printable(value)) return "Invalid metadata value";
            if (SecretWords.Any(word => key.Contains(word, StringComparison.OrdinalIgnoreCase)))
                return "Metadata must not carry secrets";
        }
        return null;
    }
}
