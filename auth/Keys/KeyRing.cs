using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>A signing key as stored: sealed.</summary>
/// <param name="Alg">JWS algorithm.</param>
/// <param name="Generation">Counts from 1 for each algorithm; the database lets one instance alone make a generation.</param>
/// <param name="Kid">RFC 7638 thumbprint.</param>
/// <param name="State"><c>announced</c>, <c>active</c> or <c>retired</c>: all three are published, only the active key signs.</param>
/// <param name="SealedPrivate">PKCS #8 under data protection, base64url.</param>
internal sealed record StoredKey(string Alg, long Generation, string Kid, string State, string SealedPrivate);

/// <summary>The signing keys of all instances on one database.</summary>
internal interface ISigningKeys
{
    Task<IReadOnlyList<StoredKey>> ListAsync(string zoneId, CancellationToken cancellationToken);

    /// <summary>Adds the key unless its generation exists; decided by the primary key.</summary>
    Task TryAddAsync(string zoneId, StoredKey key, DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>The keys that sign and verify tokens: made at the first start, the same for every instance on one database.</summary>
internal sealed partial class KeyRing(ISigningKeys store, IDataProtectionProvider protection, TimeProvider time, ILogger<KeyRing> logger)
{
    private const string Algorithm = "ES256";
    private volatile IReadOnlyList<SigningKey> _published = [];
    private volatile SigningKey? _active;

    /// <summary>The key that signs; it is never changed, a new one takes its place.</summary>
    public SigningKey Active => _active ?? throw new InvalidOperationException("the signing keys are not loaded yet");

    /// <summary>True once tokens can be signed.</summary>
    public bool IsLoaded => _active is not null;

    /// <summary>The active key first, then the others whose signatures count.</summary>
    public IReadOnlyList<SigningKey> Published => _published;

    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        var stored = await store.ListAsync(Zone.Default, cancellationToken);
        if (!stored.Any(key => key.State == "active"))
        {
            await CreateAsync(stored.Count == 0 ? 1 : stored.Max(key => key.Generation) + 1, cancellationToken);
            stored = await store.ListAsync(Zone.Default, cancellationToken);
        }
        var keys = stored.OrderByDescending(key => key.State == "active").ThenByDescending(key => key.Generation).Select(Open).ToArray();
        _published = keys;
        _active = keys[0];
    }

    // Two instances may come here at once. Both offer a key, the database takes one, both then read that one.
    private async Task CreateAsync(long generation, CancellationToken cancellationToken)
    {
        using var key = SigningKey.Create();
        var sealedKey = Base64Url.EncodeToString(Protector().Protect(key.ToPkcs8()));
        await store.TryAddAsync(Zone.Default, new StoredKey(Algorithm, generation, key.Kid, "active", sealedKey), time.GetUtcNow(), cancellationToken);
        Log.Created(logger, key.Kid);
    }

    private SigningKey Open(StoredKey stored)
    {
        try
        {
            var key = SigningKey.FromPkcs8(Protector().Unprotect(Base64Url.DecodeFromChars(stored.SealedPrivate)));
            return key.Kid == stored.Kid ? key : throw new CryptographicException("another key than its name says");
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            throw new MeshStartException($"the signing key {stored.Kid} in the database cannot be opened: restore the database together with its sealing key.", e);
        }
    }

    private IDataProtector Protector() => protection.CreateProtector("SecureMesh.Auth.SigningKeys.v1");

    private static partial class Log
    {
        [LoggerMessage(EventIds.KeyCreated, LogLevel.Information, "Offered the signing key {Kid} as the first of this database")]
        public static partial void Created(ILogger logger, string kid);
    }
}
