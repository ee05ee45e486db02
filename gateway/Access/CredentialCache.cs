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
    public static IEqualityComparer<CredentialKey> ByEnd { get; } = new Comparer(byEnd: true);

    /// <summary>For credentials that anybody can make up.</summary>
    public static IEqualityComparer<CredentialKey> ByWhole { get; } = new Comparer(byEnd: false);

    private sealed class Comparer(bool byEnd) : IEqualityComparer<CredentialKey>, IAlternateEqualityComparer<ShownKey, CredentialKey>
    {
        private const int End = 16;

        public bool Equals(CredentialKey x, CredentialKey y) => Equals(new ShownKey(x.Kind, x.Text, x.AskedAt), y);

        public bool Equals(ShownKey alternate, CredentialKey other) =>
            alternate.Kind == other.Kind && alternate.Text.SequenceEqual(other.Text) && string.Equals(alternate.AskedAt, other.AskedAt, StringComparison.Ordinal);

        public int GetHashCode(CredentialKey key) => GetHashCode(new ShownKey(key.Kind, key.Text, key.AskedAt));

        public CredentialKey Create(ShownKey alternate) => new(alternate.Kind, alternate.Text.ToString(), alternate.AskedAt);

        public int GetHashCode(ShownKey key)
        {
            if (!byEnd || key.Kind != CredentialKind.Jwt || key.Text.Length < End) return string.GetHashCode(key.Text);
            var words = MemoryMarshal.Cast<char, ulong>(key.Text[^End..]);
            // The odd constants spread what base64url leaves even.
            var mixed = (words[0] * 0x9E3779B97F4A7C15) ^ (words[1] * 0xC2B2AE3D27D4EB4F) ^ (words[2] * 0x165667B19E3779F9) ^ (words[3] * 0xD6E8FEB86659FD93);
            return (int)(mixed >> 32);
        }
    }
}

/// <summary>A <see cref="CredentialKey"/> whose text still stands in the header.</summary>
internal readonly ref struct ShownKey(CredentialKind kind, ReadOnlySpan<char> text, string? askedAt)
{
    public CredentialKind Kind { get; } = kind;

    public ReadOnlySpan<char> Text { get; } = text;

    public string? AskedAt { get; } = askedAt;
}

/// <summary>What is remembered by credential, in bounded memory.</summary>
/// <remarks>
/// When it is full, a hand goes round and forgets what was not used since it came by the last time, until a quarter is free. Callers
/// and refusals are kept in a cache each, so that a flood of bad credentials pushes out nothing but bad credentials; good ones come
/// from the issuer alone, and what is pushed out is checked again.
/// </remarks>
internal sealed class CredentialCache<T> where T : class
{
    private readonly Lock _gate = new();
    private readonly int _capacity;
    private readonly ConcurrentDictionary<CredentialKey, Entry> _entries;
    private readonly ConcurrentDictionary<CredentialKey, Entry>.AlternateLookup<ShownKey> _shown;
    private IEnumerator<KeyValuePair<CredentialKey, Entry>> _hand = Enumerable.Empty<KeyValuePair<CredentialKey, Entry>>().GetEnumerator();
    private int _count;

    /// <param name="capacity">How many are remembered.</param>
    /// <param name="comparer">How they are told apart; <see cref="CredentialKey.ByWhole"/> unless given.</param>
    public CredentialCache(int capacity, IEqualityComparer<CredentialKey>? comparer = null)
    {
        (_capacity, _entries) = (capacity, new(comparer ?? CredentialKey.ByWhole));
        _shown = _entries.GetAlternateLookup<ShownKey>();
    }

    public int Count => Volatile.Read(ref _count);

    public T? Find(in CredentialKey key) => Find(new ShownKey(key.Kind, key.Text, key.AskedAt));

    public T? Find(ShownKey key)
    {
        if (!_shown.TryGetValue(key, out var entry)) return null;
        if (!entry.Used) entry.Used = true; // asked first: what is written for every request wanders between the processors
        return entry.Value;
    }

    public void Add(in CredentialKey key, T value)
    {
        var entry = new Entry(value);
        while (!_entries.TryAdd(key, entry))
        {
            // Not set blindly: what was forgotten meanwhile would be there again without being counted.
            if (_entries.TryGetValue(key, out var before) && _entries.TryUpdate(key, entry, before)) return;
        }
        if (Interlocked.Increment(ref _count) > _capacity) MakeRoom();
    }

    /// <summary>Forgets the value, unless another one has come for the key meanwhile.</summary>
    public void Forget(in CredentialKey key, T value)
    {
        if (_entries.TryGetValue(key, out var entry) && ReferenceEquals(entry.Value, value)) Remove(KeyValuePair.Create(key, entry));
    }

    public void Clear()
    {
        foreach (var pair in _entries) Remove(pair);
    }

    private void MakeRoom()
    {
        // One at a time, and nobody waits for it: meanwhile there are a few more than the capacity.
        if (!_gate.TryEnter()) return;
        try
        {
            var enough = _capacity - (_capacity / 4);
            // It goes on where it stopped the last time, so that everything has its turn. The second time round all are marked as not used.
            for (var rounds = 0; Count > enough && rounds < 3;)
            {
                if (!_hand.MoveNext())
                {
                    _hand = _entries.GetEnumerator();
                    rounds++;
                }
                else if (_hand.Current.Value.Used)
                {
                    _hand.Current.Value.Used = false;
                }
                else
                {
                    Remove(_hand.Current);
                }
            }
        }
        finally
        {
            _gate.Exit();
        }
    }

    private void Remove(KeyValuePair<CredentialKey, Entry> pair)
    {
        if (_entries.TryRemove(pair)) Interlocked.Decrement(ref _count);
    }

    private sealed class Entry(T value)
    {
        private volatile bool _used;

        public T Value => value;

        /// <summary>Found since the hand came by.</summary>
        public bool Used
        {
            get => _used;
            set => _used = value;
        }
    }
}
