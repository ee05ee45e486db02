using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Protocol;

internal enum HashCheck
{
    Match,
    Mismatch,

    /// <summary>Nothing was compared: too many are waiting.</summary>
    Busy,
}

/// <summary>
/// Hashes of what people choose: PBKDF2-HMAC-SHA512, written as <c>pbkdf2-sha512$iterations$salt$hash</c>, of
/// some clients' secrets with one more part. The work is done
/// on threads of its own behind bounded queues, so that a storm of sign-ins slows sign-ins only. Clients have queues apart from
/// users, and a client that does not exist one apart from those that do: what costs nothing to send must not stop a sign-in.
/// </summary>
internal sealed class SlowHash(IOptions<HashingOptions> options) : IDisposable
{
    private const int Iterations = 220_000;
    private const string Scheme = "pbkdf2-sha512";
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    // Verified when there is nothing to verify, so that an unknown name takes as long as a wrong password.
    private static readonly Stored Nothing = new(Iterations, new byte[SaltBytes], new byte[HashBytes], null);

    private readonly HashLane _users = new(
        "slow hash of users", options.Value.Workers > 0 ? options.Value.Workers : Environment.ProcessorCount, options.Value.Queue);
    private readonly HashLane _clients = new("slow hash of clients", workers: 1, queue: 16);
    private readonly HashLane _strangers = new("slow hash of unknown clients", workers: 1, queue: 4);

    /// <summary>Iterations of all hashes of users so far: equal work is equal time.</summary>
    public long WorkForUsers => _users.Work;

    /// <summary>A place for a user's password; null when too many are waiting.</summary>
    public HashPlace? ReserveForUser() => _users.TryReserve();

    /// <summary>A place for a client's secret; null when too many are waiting.</summary>
    /// <param name="chosen">The client exists and its secret was chosen by a person.</param>
    public HashPlace? ReserveForClient(bool chosen) => (chosen ? _clients : _strangers).TryReserve();

    /// <summary>A new hash, made where users are hashed; null when too many are waiting.</summary>
    /// <param name="secret">The secret.</param>
    /// <param name="decoded">Of a client: see <see cref="HashAsync(HashPlace, string, string?)"/>.</param>
    public async Task<string?> HashAsync(string secret, string? decoded = null)
    {
        using var place = ReserveForUser();
        return place is null ? null : await HashAsync(place, secret, decoded);
    }

    /// <summary>Compares a password with a user's stored hash; null never matches.</summary>
    public async Task<HashCheck> VerifyAsync(string password, string? stored)
    {
        using var place = ReserveForUser();
        return place is null ? HashCheck.Busy : await VerifyAsync(place, password, stored);
    }

    /// <summary>A new hash.</summary>
    /// <param name="place">The place.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="decoded">
    /// What a client's secret becomes when it is read as if it were form-encoded, null when it cannot be: noted with the hash,
    /// so that one run tells later whether the client sent its secret encoded or as it is (U-02).
    /// </param>
    public static async Task<string> HashAsync(HashPlace place, string secret, string? decoded = null)
    {
        var salt = Entropy.Bytes(SaltBytes);
        var hash = await place.RunAsync(secret, Iterations, salt, HashBytes);
        var text = $"{Scheme}${Iterations.ToString(CultureInfo.InvariantCulture)}${Base64Url.EncodeToString(salt)}${Base64Url.EncodeToString(hash)}";
        if (decoded is null || decoded == secret) return text;
        var key = await place.RunAsync(decoded, Iterations, salt, HashBytes);
        return $"{text}${Base64Url.EncodeToString(Tag(key, secret))}";
    }

    /// <summary>Compares a secret with a stored hash, in one run; null stands for a user or client that does not exist and never matches.</summary>
    /// <param name="place">The place.</param>
    /// <param name="secret">The secret; of a client that may have sent it form-encoded, decoded.</param>
    /// <param name="stored">The stored hash.</param>
    /// <param name="raw">The same secret before it was decoded, which matches as well; null when there is one reading alone.</param>
    public static async Task<HashCheck> VerifyAsync(HashPlace place, string secret, string? stored, string? raw = null)
    {
        var expected = stored is null ? Nothing : Parse(stored);
        var hash = await place.RunAsync(secret, expected.Iterations, expected.Salt, HashBytes);
        var match = CryptographicOperations.FixedTimeEquals(hash, expected.Hash)
            | (raw is not null && expected.RawTag is { } tag && CryptographicOperations.FixedTimeEquals(Tag(hash, raw), tag));
        return match && stored is not null ? HashCheck.Match : HashCheck.Mismatch;
    }

    public static bool IsSlow(string stored) => stored.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>True when the hash was made with less work than is asked today.</summary>
    public static bool IsOutdated(string stored) => Parse(stored).Iterations < Iterations;

    // Keyed with the slow hash of the decoded text: nobody can try a secret against it with less work than against the hash.
    private static byte[] Tag(byte[] key, string raw) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(raw));

    private static Stored Parse(string stored)
    {
        var parts = stored.Split('$');
        if (parts.Length is not (4 or 5) || parts[0] != Scheme) throw new InvalidDataException("a stored hash has an unknown form");
        return new Stored(int.Parse(parts[1], CultureInfo.InvariantCulture), Base64Url.DecodeFromChars(parts[2]), Base64Url.DecodeFromChars(parts[3]),
            parts.Length == 5 ? Base64Url.DecodeFromChars(parts[4]) : null);
    }

    public void Dispose()
    {
        _users.Dispose();
        _clients.Dispose();
        _strangers.Dispose();
    }

    private sealed record Stored(int Iterations, byte[] Salt, byte[] Hash, byte[]? RawTag);
}

/// <summary>A place before the threads that hash; dispose it to give it back.</summary>
internal sealed class HashPlace(HashLane lane) : IDisposable
{
    private int _given;

    public Task<byte[]> RunAsync(string secret, int iterations, byte[] salt, int bytes) => lane.RunAsync(secret, iterations, salt, bytes);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _given, 1) == 0) lane.Release();
    }
}
