using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>The keys that sign and verify tokens: made at the first start, the same for every instance on one database.</summary>
internal sealed partial class KeyRing(ISigningKeys store, IDataProtectionProvider protection, TimeProvider time, ILogger<KeyRing> logger) : IDisposable
{
    /// <summary>ES256 first: access tokens are signed with it by default.</summary>
    public static readonly IReadOnlyList<string> Algorithms = ["ES256", "RS256"];

    // A token with an unknown kid may be of a key that another instance made a moment ago.
    private static readonly TimeSpan UnknownKidPause = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _loading = new(1, 1);
    private readonly Lock _gate = new();
    private volatile KeySet _set = KeySet.None;
    private long? _lastUnknownKid;

    /// <summary>The key that signs with this algorithm; it is never changed, a new one takes its place.</summary>
    public SigningKey Active(string algorithm) =>
        _set.Active.GetValueOrDefault(algorithm) ?? throw new InvalidOperationException($"there is no {algorithm} key yet");

    /// <summary>True once tokens can be signed.</summary>
    public bool IsLoaded => _set.Active.Count == Algorithms.Count;

    /// <summary>All whose signatures count: the active keys first.</summary>
    public IReadOnlyList<PublicKey> Published => _set.Published;

    /// <summary>Names the present set of published keys.</summary>
    public string ETag => _set.ETag;

    /// <summary>The published key of this name. One that is unknown is looked for in the database, once in a while.</summary>
    public async ValueTask<PublicKey?> FindAsync(string kid, CancellationToken cancellationToken)
    {
        if (_set.ByKid.TryGetValue(kid, out var key)) return key;
        lock (_gate)
        {
            if (_lastUnknownKid is { } last && time.GetElapsedTime(last) < UnknownKidPause) return null;
            _lastUnknownKid = time.GetTimestamp();
        }
        await LoadAsync(cancellationToken);
        return _set.ByKid.GetValueOrDefault(kid);
    }

    /// <summary>Takes over what the database holds now.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            var stored = (await store.ListAsync(Zone.Default, cancellationToken)).Where(key => key.IsPublished).ToArray();
            var known = _set.Keys;
            // A key that is open stays open: opening costs, and signatures may be under way.
            var keys = stored.ToDictionary(key => key.Kid, key => known.GetValueOrDefault(key.Kid) ?? Open(key), StringComparer.Ordinal);
            _set = KeySet.Of(stored, keys);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Makes the first key of an algorithm unless there is one. Instances may do so at once: all offer a key, the database takes one.</summary>
    public async Task EnsureAsync(string algorithm, CancellationToken cancellationToken)
    {
        var stored = (await store.ListAsync(Zone.Default, cancellationToken)).Where(key => key.Alg == algorithm).ToArray();
        if (stored.Any(key => key.State == KeyState.Active)) return;
        var offered = await Task.Run(() => Make(algorithm, stored, KeyState.Active), cancellationToken);
        if (await store.TryAddAsync(Zone.Default, offered, cancellationToken)) Log.Created(logger, offered.Kid, algorithm);
    }

    /// <summary>A fresh key, sealed, of the generation after those of its algorithm.</summary>
    public StoredKey Make(string algorithm, IEnumerable<StoredKey> others, string state)
    {
        using var key = SigningKey.Create(algorithm);
        var pkcs8 = key.ToPkcs8();
        var box = Base64Url.EncodeToString(Protector().Protect(pkcs8));
        CryptographicOperations.ZeroMemory(pkcs8);
        var now = time.GetUtcNow();
        return new StoredKey(algorithm, others.Where(other => other.Alg == algorithm).Select(other => other.Generation).DefaultIfEmpty(0).Max() + 1, key.Kid, state, box)
        {
            CreatedAt = now,
            ActivatedAt = state == KeyState.Active ? now : null,
        };
    }

    private SigningKey Open(StoredKey stored)
    {
        try
        {
            var key = SigningKey.FromPkcs8(stored.Alg, Protector().Unprotect(Base64Url.DecodeFromChars(stored.SealedPrivate)));
            return key.Kid == stored.Kid ? key : throw new CryptographicException("another key than its name says");
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new MeshStartException($"the signing key {stored.Kid} in the database cannot be opened: restore the database together with its sealing key.", e);
        }
    }

    private IDataProtector Protector() => protection.CreateProtector("SecureMesh.Auth.SigningKeys.v1");

    public void Dispose() => _loading.Dispose();

    private sealed record KeySet(
        FrozenDictionary<string, SigningKey> Keys, FrozenDictionary<string, SigningKey> Active, PublicKey[] Published, FrozenDictionary<string, PublicKey> ByKid, string ETag)
    {
        public static readonly KeySet None = Of([], []);

        public static KeySet Of(IReadOnlyList<StoredKey> stored, Dictionary<string, SigningKey> keys)
        {
            var ordered = stored.OrderByDescending(key => key.State == KeyState.Active).ThenBy(key => key.Alg, StringComparer.Ordinal).ThenByDescending(key => key.Generation).ToArray();
            var active = ordered.Where(key => key.State == KeyState.Active).GroupBy(key => key.Alg, StringComparer.Ordinal);
            var published = ordered.Select(key => keys[key.Kid].Public).ToArray();
            var tag = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join(' ', ordered.Select(key => key.Kid)))).AsSpan(0, 16));
            return new KeySet(
                keys.ToFrozenDictionary(StringComparer.Ordinal),
                active.ToFrozenDictionary(group => group.Key, group => keys[group.First().Kid], StringComparer.Ordinal),
                published, published.ToFrozenDictionary(key => key.Kid, StringComparer.Ordinal), $"\"{tag}\"");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeyCreated, LogLevel.Information, "Made {Kid} the first key for {Algorithm} of this database")]
        public static partial void Created(ILogger logger, string kid, string algorithm);
    }
}
