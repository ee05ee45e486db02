using System.Xml;

namespace SecureMesh.Discovery.Wire;

/// <summary>Reads an XML body. No DTD, so no entities of its own and no expansion; nothing is fetched; depth is limited.</summary>
internal static class XmlBody
{
    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = Limits.BodyBytes,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
    };

    /// <summary>An object whose one member is the root element, or null when the bytes are not XML as allowed here.</summary>
    public static WireValue? Read(byte[] body)
    {
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(body), Settings);
            reader.MoveToContent();
            var name = XmlNames.Decode(reader.LocalName);
            var root = ReadElement(reader);
            // The rest must be nothing: the reader throws on a second root.
            while (reader.Read()) { }
            return root is null ? null : WireValue.Of(new Dictionary<string, WireValue>(StringComparer.Ordinal) { [name] = root });
        }
        catch (XmlException)
        {
            return null;
        }
    }

    /// <summary>Reads the element the reader stands on and leaves it behind; null when it is nested too deep.</summary>
    private static WireValue? ReadElement(XmlReader reader)
    {
        if (reader.Depth >= Limits.Depth) return null;
        var members = new Dictionary<string, WireValue>(StringComparer.Ordinal);
        var empty = reader.IsEmptyElement;
        while (reader.MoveToNextAttribute()) members["@" + XmlNames.Decode(reader.LocalName)] = WireValue.Of(reader.Value);
        reader.MoveToElement();
        reader.Read();
        if (empty) return members.Count > 0 ? WireValue.Of(members) : WireValue.Of("");

        var (text, attributes) = ("", members.Count);
        while (reader.NodeType != XmlNodeType.EndElement)
        {
            if (reader.NodeType == XmlNodeType.Element)
            {
                var name = XmlNames.Decode(reader.LocalName);
                if (ReadElement(reader) is not { } child) return null;
                members[name] = child;
                continue;
            }
            text += reader.Value;
            if (!reader.Read()) return null;
        }
        reader.Read();
        text = text.Trim();
        if (members.Count == 0) return WireValue.Of(text);
        if (members.Count == attributes && text.Length > 0) members["$"] = WireValue.Of(text);
        return WireValue.Of(members);
    }
}
