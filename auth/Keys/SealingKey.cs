using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>Rows by which a start recognizes its sealing key.</summary>
internal interface ISealingChecks
{
    Task<string?> FindAsync(CancellationToken cancellationToken);

    /// <summary>Stores the value unless there is one.</summary>
    /// <returns>The value that is stored now.</returns>
    Task<string> ClaimAsync(string checkValue, CancellationToken cancellationToken);
}

/// <summary>
/// The key above all others, kept outside the database: a setting, or a file only the owner can read. A stolen database
/// opens nothing; a lost key cannot be replaced, so a start never makes a second one for the same database.
/// </summary>
internal sealed partial class SealingKey(
    ISealingChecks checks, IOptions<KeysOptions> options, IOptions<MeshOptions> mesh, ILogger<SealingKey> logger)
{
    private const int Bytes = 32;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private byte[]? _key;

    /// <summary>A key for one purpose, derived from this one (RFC 5869).</summary>
    public byte[] Derive(string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key ?? throw new InvalidOperationException("the sealing key is not open yet"), Bytes, info: System.Text.Encoding.UTF8.GetBytes(purpose));

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var path = Path.Combine(mesh.Value.Data, "sealing.key");
        var known = await checks.FindAsync(cancellationToken);
        var (key, created) = string.IsNullOrEmpty(options.Value.SealingKey)
            ? await FromFileAsync(path, known is not null, cancellationToken)
            : (Parse(options.Value.SealingKey, "the setting auth:keys:sealingKey"), false);
        var check = Check(key);
        known ??= await checks.ClaimAsync(check, cancellationToken);
        if (!CryptographicOperations.FixedTimeEquals(Convert.FromHexString(known), Convert.FromHexString(check)))
        {
            // Another instance was first on this database: a key that opens nothing must not stay and look like the right one.
            if (created) File.Delete(path);
            throw new MeshStartException(
                "the keys in the database are sealed with another sealing key than " + (string.IsNullOrEmpty(options.Value.SealingKey) ? path : "auth:keys:sealingKey")
                + ": give every instance the sealing key this database was started with (the file sealing.key of its data folder, or the setting auth:keys:sealingKey).");
        }
        _key = key;
        if (created) Log.Created(logger, path);
    }

    private static string Check(byte[] key) => Convert.ToHexStringLower(HMACSHA256.HashData(key, "securemesh sealing key check"u8));

    private static async Task<(byte[] Key, bool Created)> FromFileAsync(string path, bool sealedAlready, CancellationToken cancellationToken)
    {
        try
        {
            if (!File.Exists(path))
            {
                if (sealedAlready)
                    throw new MeshStartException($"the keys in the database are sealed and {path} is missing: put the file back from a backup, or set auth:keys:sealingKey to its content.");
                if (await CreateAsync(path, cancellationToken) is { } created) return (created, true);
            }
            return (Parse(File.ReadAllText(path), path), false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeshStartException($"the sealing key {path} cannot be read or written: {e.Message}", e);
        }
    }

    // Written beside and then moved, so that no other instance ever reads half a key; null when another was first. Instances in
    // one folder take turns, because moving a file replaces one that another instance moved there at the same moment.
    private static async Task<byte[]?> CreateAsync(string path, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        await using var turn = await TurnAsync(Path.Combine(folder, "keys.lock"), cancellationToken);
        if (File.Exists(path)) return null;
        var key = Entropy.Bytes(Bytes);
        var draft = path + "." + Entropy.HexId();
        var open = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) open.UnixCreateMode = OwnerOnly;
        await using (var file = new FileStream(draft, open))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(key) + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path, overwrite: false);
        return key;
    }

    // The lock of a file that is open ends with its process, so nobody waits for one that was killed.
    private static async Task<FileStream> TurnAsync(string path, CancellationToken cancellationToken)
    {
        const int tries = 100;
        for (var i = 1; ; i++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (i < tries)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellationToken);
            }
        }
    }

    private static byte[] Parse(string text, string where)
    {
        var bytes = new byte[Bytes + 3];
        return Convert.TryFromBase64String(text.Trim(), bytes, out var length) && length == Bytes
            ? bytes[..Bytes]
            : throw new MeshStartException($"{where} does not hold 32 bytes in base64, so it cannot open the sealed keys.");
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.SealingKeyCreated, LogLevel.Information, "Created the sealing key {Path}. Keep a copy: without it the database cannot be used")]
        public static partial void Created(ILogger logger, string path);
    }
}
