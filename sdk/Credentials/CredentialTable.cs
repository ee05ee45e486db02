using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>The setting <c>mesh:credentials</c>.</summary>
internal sealed class CredentialsOptions
{
    /// <summary><c>name:sha256hex,name:sha256hex</c>.</summary>
    public string Credentials { get; set; } = "";
}

/// <summary>Refuses a list that cannot be read, by the number of the entry: its text may be a secret put there by mistake.</summary>
internal sealed class CredentialsOptionsValidator : IValidateOptions<CredentialsOptions>
{
    public ValidateOptionsResult Validate(string? name, CredentialsOptions options)
    {
        try
        {
            _ = CredentialTable.Read(options.Credentials);
            return ValidateOptionsResult.Success;
        }
        catch (FormatException e)
        {
            return ValidateOptionsResult.Fail(e.Message);
        }
    }
}

/// <summary>Wire names and the SHA-256 of their secrets, which are 256 random bits and so need no slow hash.</summary>
internal sealed class CredentialTable(IOptions<CredentialsOptions> options)
{
    private static readonly byte[][] Nobody = [new byte[SHA256.HashSizeInBytes]];
    private readonly FrozenDictionary<string, byte[][]> _hashes = Read(options.Value.Credentials);

    /// <summary>True when the secret is that of the name; unknown names cost the same work.</summary>
    public bool Verify(string name, string secret)
    {
        var given = SHA256.HashData(Encoding.UTF8.GetBytes(secret));
        var known = _hashes.TryGetValue(name, out var hashes);
        var equal = false;
        foreach (var hash in known ? hashes! : Nobody) equal |= CryptographicOperations.FixedTimeEquals(hash, given);
        return known & equal;
    }

    /// <exception cref="FormatException">An entry cannot be read; the message does not repeat it.</exception>
    public static FrozenDictionary<string, byte[][]> Read(string text)
    {
        var entries = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return entries.Select(ReadEntry)
            .GroupBy(entry => entry.Name, entry => entry.Hash, StringComparer.Ordinal)
            .ToFrozenDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
    }

    private static (string Name, byte[] Hash) ReadEntry(string entry, int index)
    {
        var colon = entry.LastIndexOf(':');
        var hash = new byte[SHA256.HashSizeInBytes];
        if (colon < 1 || entry.Length - colon - 1 != 2 * hash.Length
            || Convert.FromHexString(entry.AsSpan(colon + 1), hash, out _, out _) != System.Buffers.OperationStatus.Done)
            throw new FormatException($"mesh:credentials: entry {index + 1} is not NAME:SHA256 with 64 hexadecimal digits.");
        if (hash.AsSpan().SequenceEqual(SHA256.HashData([])))
            throw new FormatException($"mesh:credentials: entry {index + 1} is the hash of an empty secret.");
        return (entry[..colon], hash);
    }
}

/// <summary>Name and secret of an <c>Authorization: Basic</c> header (RFC 7617), read strictly.</summary>
internal readonly record struct BasicCredentials(string Name, string Secret)
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <returns>Null when the value is not well-formed.</returns>
    public static BasicCredentials? Read(string encoded)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(encoded.Length)];
        // Whitespace inside would be skipped by the decoder; a header holds exactly one value.
        if (encoded.Any(char.IsWhiteSpace) || !Convert.TryFromBase64String(encoded, bytes, out var length)) return null;
        try
        {
            var pair = Utf8.GetString(bytes, 0, length);
            var colon = pair.IndexOf(':', StringComparison.Ordinal);
            return colon < 0 || pair.Any(char.IsControl) ? null : new(pair[..colon], pair[(colon + 1)..]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
