using System.Xml;
using System.Xml.Linq;

namespace SecureMesh.Config.Documents;

/// <summary>Reads the XML form of java.util.Properties: <c>&lt;properties&gt;&lt;entry key="a"&gt;b&lt;/entry&gt;&lt;/properties&gt;</c>.</summary>
internal static class XmlDocuments
{
    // The document type is skipped, not read: nothing outside the file is ever opened, no entity is expanded.
    private static readonly XmlReaderSettings Settings = new() { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, MaxCharactersInDocument = 4 * 1024 * 1024 };

    public static IReadOnlyList<ConfigDocument> Read(byte[] content)
    {
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(content), Settings);
            var root = XDocument.Load(reader).Root!;
            if (root.Name != "properties") throw new DocumentException(null, "the root element must be 'properties'");
            var properties = new OrderedDictionary<string, Property>(StringComparer.Ordinal);
            foreach (var entry in root.Elements("entry"))
            {
                var key = entry.Attribute("key")?.Value ?? throw new DocumentException(null, "an 'entry' has no 'key'");
                properties[key] = new(key, entry.Value, null);
            }
            return [ConfigDocument.Create(0, [.. properties.Values])];
        }
        catch (XmlException e)
        {
            throw new DocumentException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{e.LineNumber}:{e.LinePosition}"), e.Message);
        }
    }
}
