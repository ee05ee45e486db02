using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SecureMesh.Auth.Clients;

/// <summary>The certificate that the caller has proved to hold, by the TLS handshake of this very connection.</summary>
internal static class ClientCertificate
{
    private const string SubjectAlternativeName = "2.5.29.17";

    // RFC 4514 §3: the attribute types that have a name; every other one is written by its number.
    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["2.5.4.3"] = "CN",
        ["2.5.4.7"] = "L",
        ["2.5.4.8"] = "ST",
        ["2.5.4.10"] = "O",
        ["2.5.4.11"] = "OU",
        ["2.5.4.6"] = "C",
        ["2.5.4.9"] = "STREET",
        ["0.9.2342.19200300.100.1.25"] = "DC",
        ["0.9.2342.19200300.100.1.1"] = "UID",
    };

    public static X509Certificate2? Of(HttpRequest request) => request.HttpContext.Connection.ClientCertificate;

    /// <summary><c>x5t#S256</c> (RFC 8705 §3.1); null without a certificate.</summary>
    public static string? Thumbprint(HttpRequest request) => Of(request) is { } certificate ? Thumbprint(certificate) : null;

    public static string Thumbprint(X509Certificate2 certificate) => Base64Url.EncodeToString(SHA256.HashData(certificate.RawData));

    /// <summary>The subject as RFC 4514 writes it, so that it can be compared letter by letter; null when it has a part with several values.</summary>
    public static string? Subject(X509Certificate2 certificate)
    {
        var parts = new List<string>();
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: true))
        {
            if (part.HasMultipleElements || part.GetSingleElementValue() is not { } value) return null;
            var oid = part.GetSingleElementType().Value!;
            parts.Add(Names.GetValueOrDefault(oid, oid) + "=" + Escape(value));
        }
        return string.Join(',', parts);
    }

    public static IReadOnlyList<string> DnsNames(X509Certificate2 certificate) => AlternativeNames(certificate, tag: 2);

    public static IReadOnlyList<string> Uris(X509Certificate2 certificate) => AlternativeNames(certificate, tag: 6);

    private static List<string> AlternativeNames(X509Certificate2 certificate, int tag)
    {
        var names = new List<string>();
        var wanted = new Asn1Tag(TagClass.ContextSpecific, tag);
        foreach (var extension in certificate.Extensions.Where(extension => extension.Oid?.Value == SubjectAlternativeName))
        {
            try
            {
                var sequence = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
                while (sequence.HasData)
                {
                    if (sequence.PeekTag().HasSameClassAndValue(wanted)) names.Add(sequence.ReadCharacterString(UniversalTagNumber.IA5String, wanted));
                    else sequence.ReadEncodedValue();
                }
            }
            catch (AsnContentException)
            {
                return []; // a certificate that cannot be read names nobody
            }
        }
        return names;
    }

    private static string Escape(string value)
    {
        var text = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
        {
            var special = ",+\"\\<>;".Contains(value[i], StringComparison.Ordinal) || (value[i] == ' ' && (i == 0 || i == value.Length - 1)) || (value[i] == '#' && i == 0);
            if (value[i] == '\0') text.Append("\\00");
            else if (special) text.Append('\\').Append(value[i]);
            else text.Append(value[i]);
        }
        return text.ToString();
    }
}
