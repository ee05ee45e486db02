using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access;

/// <summary>A credential by its kind, its exact bytes and who says what it stands for: two that differ anywhere are two.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Text">What was shown.</param>
/// <param name="AskedAt">
/// The addresses at which auth is asked about it; null when nobody is asked. What one auth said is worth nothing when the gateway
/// has been pointed at another (V-032). Scopes are no part of the key: all are kept, and each route judges them anew (V-031).
/// </param>
internal readonly record struct CredentialKey(CredentialKind Kind, string Text, string? AskedAt = null)
{
    /// <summary>Drawn at the start: of a password not even the hash is good for anything elsewhere.</summary>
    private static readonly byte[] _process = Entropy.Bytes(32);

    /// <summary>Of a password the hash alone is kept; tokens are random, and looked up far too often to be hashed each time.</summary>
    public static CredentialKey Of(CredentialKind kind, string text, string? askedAt) =>
        kind == CredentialKind.Basic ? new CredentialKey(kind, text, askedAt).Hashed() : new(kind, text, askedAt);

    /// <summary>The same in 44 characters, for whatever is kept of credentials that anybody can make up: those may be long.</summary>
    public CredentialKey Hashed() => this with { Text = Convert.ToBase64String(HMACSHA256.HashData(_process, Encoding.UTF8.GetBytes(Text))) };

    /// <summary>
    /// For credentials that were found good. The end of a signed token is a piece of a signature, which nobody can choose, and
    /// reading it is a tenth of the cost of reading the whole; all others are hashed whole, with the process's own seed.
    /// </summary>
    public static IEqualityComparer<CredentialKey> ByEnd { get; } = new EndComparer();

    private sealed class EndComparer : IEqualityComparer<CredentialKey>
    {
        private const int End = 16;

        public bool Equals(CredentialKey x, CredentialKey y) =>
            x.Kind == y.Kind && string.Equals(x.Text, y.Text, StringComparison.Ordinal) && string.Equals(x.AskedAt, y.AskedAt, StringComparison.Ordinal);

        public int GetHashCode(CredentialKey key)
        {
            if (key.Kind != CredentialKind.Jwt || key.Text.Length < End) return key.Text.GetHashCode(StringComparison.Ordinal);
            var words = MemoryMarshal.Cast<char, ulong>(key.Text.AsSpan(key.Text.Length - End));
            // The odd constants spread what base64url leaves even.
            var mixed = (words[0] * 0x9E3779B97F4A7C15) ^ (words[1] * 0xC2B2AE3D27D4EB4F) ^ (words[2] * 0x165667B19E3779F9) ^ (words[3] * 0xD6E8FEB86659FD93);
            return (int)(mixed >> 32);
        }
    }
}

/// <summary>What is remembered by credential, in bounded memory.</summary>
/// <remarks>
/// Two generations: when the young one is full it becomes the old one, and what is used moves back to the young. Callers and
/// refusals are kept in a cache each, so that a flood of bad credentials pushes out nothing but bad credentials; good ones come
/// from the issuer alone, and what is pushed out is checked again.
/// </remarks>
internal sealed class CredentialCache<T>(int capacity, IEqualityComparer<CredentialKey>? comparer = null) where T : class
{
    private readonly Lock _gate = new();
    private volatile ConcurrentDictionary<CredentialKey, T> _young = new(comparer);
    private volatile ConcurrentDictionary<CredentialKey, T> _old = new(comparer);
    private int _added;

    public int Count => _young.Count + _old.Count;

    public T? Find(in CredentialKey key)
    {
        if (_young.TryGetValue(key, out var value)) return value;
        if (!_old.TryRemove(key, out value)) return null;
        Add(key, value);
        return value;
    }

    public void Add(in CredentialKey key, T value)
    {
        if (!_young.TryAdd(key, value))
        {
            _young[key] = value;
            return;
        }
        if (Interlocked.Increment(ref _added) < capacity / 2) return;
        lock (_gate)
        {
            if (_added < capacity / 2) return;
            (_old, _young) = (_young, new(comparer));
            _added = 0;
        }
    }

    /// <summary>Forgets the value, unless another one has come for the key meanwhile.</summary>
    public void Forget(in CredentialKey key, T value)
    {
        var pair = KeyValuePair.Create(key, value);
        _young.TryRemove(pair);
        _old.TryRemove(pair);
    }

    public void Clear()
    {
        lock (_gate)
        {
            (_old, _young) = (new(comparer), new(comparer));
            _added = 0;
        }
    }
}
