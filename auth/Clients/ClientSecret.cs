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
internal sealed class ClientSecret(SlowHash slow) : IDisposable
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

    /// <summary>Compares without regard to how: every mismatch costs one slow hash, also of a client that does not exist.</summary>
    public async Task<HashCheck> VerifyAsync(Client? client, string id, string secret, DateTimeOffset now, CancellationToken cancellationToken)
    {
        string? chosen = null;
        foreach (var stored in Live(client, now))
        {
            if (SlowHash.IsSlow(stored)) chosen ??= stored;
            if (MatchesFast(stored, secret) || IsRemembered(stored, id, secret)) return HashCheck.Match;
        }
        var check = await slow.VerifyAsync(secret, chosen, cancellationToken);
        if (check == HashCheck.Mismatch && Live(client, now).FirstOrDefault(stored => SlowHash.IsSlow(stored) && stored != chosen) is { } second)
            check = await slow.VerifyAsync(secret, chosen = second, cancellationToken);
        if (check == HashCheck.Match) Remember(chosen!, id, secret);
        return check;
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

    private bool IsRemembered(string stored, string id, string secret) => SlowHash.IsSlow(stored) && _verified.TryGetValue(Key(stored, id, secret), out _);

    private void Remember(string stored, string id, string secret) =>
        _verified.Set(Key(stored, id, secret), true, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = Remembered });

    private string Key(string stored, string id, string secret) =>
        Convert.ToHexString(HMACSHA256.HashData(_processKey, Encoding.UTF8.GetBytes($"{id.Length}:{id}{secret.Length}:{secret}{stored}")));

    public void Dispose() => _verified.Dispose();
}
