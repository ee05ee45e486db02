using System.Security.Cryptography;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>AES-256-GCM with a fresh nonce: nonce, tag, ciphertext.</summary>
internal static class SealedBox
{
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    public static byte[] Seal(byte[] key, byte[] plain)
    {
        var box = new byte[NonceBytes + TagBytes + plain.Length];
        Entropy.Bytes(NonceBytes).CopyTo(box, 0);
        using var aes = new AesGcm(key, TagBytes);
        aes.Encrypt(box.AsSpan(0, NonceBytes), plain, box.AsSpan(NonceBytes + TagBytes), box.AsSpan(NonceBytes, TagBytes));
        return box;
    }

    /// <summary>The content, or null when the key is another one or the box was changed.</summary>
    public static byte[]? Open(byte[] key, byte[] box)
    {
        if (box.Length < NonceBytes + TagBytes) return null;
        var plain = new byte[box.Length - NonceBytes - TagBytes];
        using var aes = new AesGcm(key, TagBytes);
        try
        {
            aes.Decrypt(box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes + TagBytes), box.AsSpan(NonceBytes, TagBytes), plain);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
