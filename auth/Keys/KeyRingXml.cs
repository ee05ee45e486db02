using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;

namespace SecureMesh.Auth.Keys;

/// <summary>Encrypts data protection's own keys under the sealing key (AES-256-GCM).</summary>
internal sealed class KeyRingEncryptor(SealingKey sealing) : IXmlEncryptor
{
    public const string Purpose = "data protection key ring";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var box = SealedBox.Seal(sealing.Derive(Purpose), Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting)));
        return new EncryptedXmlInfo(new XElement("sealed", Base64Url.EncodeToString(box)), typeof(KeyRingDecryptor));
    }
}

/// <summary>Named by its type in the stored key ring: renaming it makes the ring unreadable.</summary>
internal sealed class KeyRingDecryptor : IXmlDecryptor
{
    private readonly SealingKey _sealing;

    // The framework asks for exactly this constructor.
    public KeyRingDecryptor(IServiceProvider services) => _sealing = services.GetRequiredService<SealingKey>();

    public XElement Decrypt(XElement encryptedElement)
    {
        var plain = SealedBox.Open(_sealing.Derive(KeyRingEncryptor.Purpose), Base64Url.DecodeFromChars(encryptedElement.Value));
        return XElement.Parse(Encoding.UTF8.GetString(plain ?? throw new CryptographicException("the key ring is sealed with another key")));
    }
}
