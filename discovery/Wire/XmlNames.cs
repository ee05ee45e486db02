using System.Globalization;
using System.Text;
using System.Xml;

namespace SecureMesh.Discovery.Wire;

/// <summary>
/// Element names as XStream's XmlFriendlyNameCoder writes them: <c>_</c> as <c>__</c>, <c>$</c> as <c>_-</c>, and what no
/// name may contain as <c>_.</c> with four hex digits, so that any metadata key can be an element.
/// </summary>
internal static class XmlNames
{
    public static string Encode(string name)
    {
        var encoded = new StringBuilder(name.Length + 4);
        foreach (var c in name)
        {
            var legal = c != ':' && (encoded.Length == 0 ? XmlConvert.IsStartNCNameChar(c) : XmlConvert.IsNCNameChar(c));
            if (c == '_') encoded.Append("__");
            else if (c == '$') encoded.Append("_-");
            else if (legal) encoded.Append(c);
            else encoded.Append("_.").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }

    public static string Decode(string name)
    {
        if (!name.Contains('_', StringComparison.Ordinal)) return name;
        var decoded = new StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            var next = i + 1 < name.Length ? name[i + 1] : '\0';
            if (name[i] != '_' || next is not ('_' or '-' or '.'))
            {
                decoded.Append(name[i]);
            }
            else if (next != '.')
            {
                decoded.Append(next == '-' ? '$' : '_');
                i++;
            }
            else if (i + 6 <= name.Length && ushort.TryParse(name.AsSpan(i + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            {
                decoded.Append((char)code);
                i += 5;
            }
            else
            {
                decoded.Append('_');
            }
        }
        return decoded.ToString();
    }
}
