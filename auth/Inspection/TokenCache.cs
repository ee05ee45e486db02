using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Inspection;

/// <summary>The SHA-256 of the exact bytes of a token: two tokens that differ anywhere are two.</summary>
internal readonly record struct TokenKey(ulong A, ulong B, ulong C, ulong D)
{
    public static TokenKey Of(string token)
    {
        const int onStack = 2048;
        var length = Encoding.UTF8.GetMaxByteCount(token.Length);
        var bytes = length <= onStack ? stackalloc byte[onStack] : new byte[length];
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(bytes[..Encoding.UTF8.GetBytes(token, bytes)], hash);
        return new TokenKey(
            BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(hash[16..]), BinaryPrimitives.ReadUInt64BigEndian(hash[24..]));
    }

    public override int GetHashCode() => (int)A;
}

/// <summary>
/// Tokens that were genuine when they were read. Only good tokens come in, so whoever would fill it needs as many; and what is
/// pushed out is read again. Nothing here says that a token is good now.
/// </summary>
/// <remarks>Two generations: when the young one is full it becomes the old one, and what is used moves back to the young.</remarks>
internal sealed class TokenCache(Current<InspectionOptions> options)
{
    private readonly Lock _gate = new();
    private volatile ConcurrentDictionary<TokenKey, KnownToken> _young = new();
    private volatile ConcurrentDictionary<TokenKey, KnownToken> _old = new();
    private int _added;

    /// <summary>How many are kept.</summary>
    public int Count => _young.Count + _old.Count;

    public KnownToken? Find(in TokenKey key)
    {
        if (_young.TryGetValue(key, out var token)) return token;
        if (!_old.TryRemove(key, out token)) return null;
        Add(key, token);
        return token;
    }

    public void Add(in TokenKey key, KnownToken token)
    {
        var half = options.Value.CachedTokens / 2;
        if (half == 0) return;
        if (!_young.TryAdd(key, token))
        {
            _young[key] = token;
            return;
        }
        if (Interlocked.Increment(ref _added) < half) return;
        lock (_gate)
        {
            if (_added < half) return;
            (_old, _young) = (_young, new());
            _added = 0;
        }
    }

    public void Forget(in TokenKey key)
    {
        _young.TryRemove(key, out _);
        _old.TryRemove(key, out _);
    }
}
