using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Caching.Memory;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// Stored forms of a client secret: <c>empty</c> (UAA's empty secret), <c>sha256$hex</c> (generated, 256 random bits, so
/// that a fast hash is enough) and PBKDF2 (chosen by a person).
/// </summary>
internal sealed class ClientSecret : IDisposable
{
    public const string Empty = "empty";
    private const string Fast = "sha256$";

    // A chosen secret is compared with the slow hash once and then remembered for a while: machines show it at every request.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(5);
    private readonly MemoryCache _verified = new(new MemoryCacheOptions { SizeLimit = 4096 });

    // Secrets of people can be guessed: what is kept in memory is useless outside this process.
    private readonly byte[] _processKey = Entropy.Bytes(32);

    /// <summary>The stored form of a generated secret, of which the SHA-256 is known.</summary>
    public static string FromSha256(string hex) => Fast + hex.ToLowerInvariant();

    /// <summary>True for the empty secret of a client that has it, and for a generated one.</summary>
    public static bool MatchesGenerated(Client? client, ClientCredential shown, DateTimeOffset now) =>
        Live(client, now).Any(stored => MatchesFast(stored, shown.Secret) || (shown.RawSecret is { } raw && MatchesFast(stored, raw)));

    /// <summary>True when the same text was compared a moment ago and was right.</summary>
    public bool IsRemembered(Client? client, ClientCredential shown, DateTimeOffset now) =>
        Live(client, now).Any(stored => SlowHash.IsSlow(stored) && _verified.TryGetValue(Key(stored, shown), out _));

    /// <summary>True when a secret of the client was chosen by a person.</summary>
    public static bool IsChosen(Client? client, DateTimeOffset now) => Live(client, now).Any(SlowHash.IsSlow);

    /// <summary>Compares with the slow hash: one run, also for a client that does not exist; a second one only while the client has two chosen secrets.</summary>
    public async Task<bool> VerifyAsync(HashPlace place, Client? client, ClientCredential shown, DateTimeOffset now)
    {
        foreach (var stored in Live(client, now).Where(SlowHash.IsSlow).Cast<string?>().DefaultIfEmpty(null))
        {
            if (await SlowHash.VerifyAsync(place, shown.Secret, stored, shown.RawSecret) != HashCheck.Match) continue;
            _verified.Set(Key(stored!, shown), true, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = Remembered });
            return true;
        }
        return false;
    }

    private static IEnumerable<string> Live(Client? client, DateTimeOffset now)
    {
        if (client?.SecretHash is { } newest) yield return newest;
        if (client?.OlderSecretHash is { } older && !(client.OlderSecretExpiresAt <= now)) yield return older;
    }

    private static bool MatchesFast(string stored, string secret)
    {
        if (stored == Empty) return secret.Length == 0;
        if (!stored.StartsWith(Fast, StringComparison.Ordinal)) return false;
        var expected = Convert.FromHexString(stored.AsSpan(Fast.Length));
        return CryptographicOperations.FixedTimeEquals(expected, SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
    }

    private string Key(string stored, ClientCredential shown) =>
        Convert.ToHexString(HMACSHA256.HashData(_processKey, Encoding.UTF8.GetBytes(
            $"{shown.Id.Length}:{shown.Id}{shown.Secret.Length}:{shown.Secret}{shown.RawSecret?.Length}:{shown.RawSecret}{stored}")));

    public void Dispose() => _verified.Dispose();
}
