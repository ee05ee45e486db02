using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Protocol;

/// <summary>Section <c>auth:hashing</c>.</summary>
internal sealed class HashingOptions
{
    /// <summary>Threads that hash; 0 means one for each processor.</summary>
    public int Workers { get; set; }

    /// <summary>How many requests may wait for them; one more is answered with 503.</summary>
    public int Queue { get; set; } = 128;
}

internal enum HashCheck
{
    Match,
    Mismatch,

    /// <summary>Nothing was compared: too many are waiting.</summary>
    Busy,
}

/// <summary>
/// Hashes of what people choose: PBKDF2-HMAC-SHA512, written as <c>pbkdf2-sha512$iterations$salt$hash</c>. The work is done
/// on threads of its own behind a bounded queue, so that a storm of sign-ins slows sign-ins only.
/// </summary>
internal sealed class SlowHash : IDisposable
{
    private const string Scheme = "pbkdf2-sha512";
    private const int Iterations = 220_000;
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    // Verified when there is nothing to verify, so that an unknown name takes as long as a wrong password.
    private static readonly Stored Nothing = new(Iterations, new byte[SaltBytes], new byte[HashBytes]);

    private readonly BlockingCollection<Job> _queue;

    public SlowHash(IOptions<HashingOptions> options)
    {
        var workers = options.Value.Workers > 0 ? options.Value.Workers : Environment.ProcessorCount;
        _queue = new BlockingCollection<Job>(options.Value.Queue);
        for (var i = 0; i < workers; i++) new Thread(Work) { IsBackground = true, Name = "slow hash" }.Start();
    }

    /// <summary>A new hash of the secret, or null when too many are waiting.</summary>
    public async Task<string?> HashAsync(string secret, CancellationToken cancellationToken)
    {
        var salt = Entropy.Bytes(SaltBytes);
        var hash = await RunAsync(new Job(secret, Iterations, salt, cancellationToken));
        return hash is null ? null : $"{Scheme}${Iterations.ToString(CultureInfo.InvariantCulture)}${Base64Url.EncodeToString(salt)}${Base64Url.EncodeToString(hash)}";
    }

    /// <summary>Compares a secret with a stored hash; null stands for a user or client that does not exist and never matches.</summary>
    public async Task<HashCheck> VerifyAsync(string secret, string? stored, CancellationToken cancellationToken)
    {
        var expected = stored is null ? Nothing : Parse(stored);
        var hash = await RunAsync(new Job(secret, expected.Iterations, expected.Salt, cancellationToken));
        if (hash is null) return HashCheck.Busy;
        return CryptographicOperations.FixedTimeEquals(hash, expected.Hash) && stored is not null ? HashCheck.Match : HashCheck.Mismatch;
    }

    public static bool IsSlow(string stored) => stored.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>True when the hash was made with less work than is asked today.</summary>
    public static bool IsOutdated(string stored) => Parse(stored).Iterations < Iterations;

    private Task<byte[]?> RunAsync(Job job) => _queue.TryAdd(job) ? job.Done.Task : Task.FromResult<byte[]?>(null);

    private void Work()
    {
        foreach (var job in _queue.GetConsumingEnumerable())
        {
            try
            {
                if (job.Cancellation.IsCancellationRequested) job.Done.TrySetCanceled(job.Cancellation);
                else job.Done.TrySetResult(Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(job.Secret), job.Salt, job.Iterations, HashAlgorithmName.SHA512, HashBytes));
            }
            catch (Exception e)
            {
                job.Done.TrySetException(e);
            }
        }
    }

    private static Stored Parse(string stored)
    {
        var parts = stored.Split('$');
        if (parts.Length != 4 || parts[0] != Scheme) throw new InvalidDataException("a stored hash has an unknown form");
        return new Stored(int.Parse(parts[1], CultureInfo.InvariantCulture), Base64Url.DecodeFromChars(parts[2]), Base64Url.DecodeFromChars(parts[3]));
    }

    public void Dispose() => _queue.CompleteAdding();

    private sealed record Stored(int Iterations, byte[] Salt, byte[] Hash);

    private sealed record Job(string Secret, int Iterations, byte[] Salt, CancellationToken Cancellation)
    {
        public TaskCompletionSource<byte[]?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
