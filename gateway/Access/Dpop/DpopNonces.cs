using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access.Dpop;

/// <summary>Nonces of this gateway alone (RFC 9449 §9): the minute and its MAC by a key that ends with the process, so nothing is stored.</summary>
internal sealed class DpopNonces(TimeProvider time)
{
    private const int SlotSeconds = 60;
    private const int MacBytes = 16;
    private readonly byte[] _key = Entropy.Bytes(32);

    public string Current => Make(Slot);

    private long Slot => time.GetUtcNow().ToUnixTimeSeconds() / SlotSeconds;

    /// <summary>Good is the nonce of this minute and that of the last one; a new one should be given for the latter.</summary>
    public (bool IsGood, bool IsOld) Judge(string nonce)
    {
        var slot = Slot;
        if (IsThatOf(nonce, slot)) return (true, false);
        return (IsThatOf(nonce, slot - 1), true);
    }

    private bool IsThatOf(string nonce, long slot) =>
        CryptographicOperations.FixedTimeEquals(System.Text.Encoding.UTF8.GetBytes(nonce), System.Text.Encoding.UTF8.GetBytes(Make(slot)));

    private string Make(long slot)
    {
        Span<byte> text = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(text, slot);
        return Base64Url.EncodeToString(HMACSHA256.HashData(_key, text).AsSpan(0, MacBytes));
    }
}
