using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>An opaque access token as stored.</summary>
/// <param name="Hash">SHA-256 of the token, hex.</param>
/// <param name="ZoneId">Its zone.</param>
/// <param name="TokenId">Claim <c>jti</c>, which is not the token: it stands in logs.</param>
/// <param name="ClientId">The client that holds it.</param>
/// <param name="UserId">Null for a client in its own name.</param>
/// <param name="Claims">What it stands for, a JSON object.</param>
/// <param name="IssuedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record OpaqueToken(
    string Hash, string ZoneId, string TokenId, string ClientId, string? UserId, string Claims, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>The opaque access tokens of all zones.</summary>
internal interface IOpaqueTokens
{
    Task AddAsync(OpaqueToken token, CancellationToken cancellationToken);

    Task<OpaqueToken?> FindAsync(string hash, CancellationToken cancellationToken);

    /// <summary>Deletes the token and records its revocation with it.</summary>
    /// <returns>False when it was gone already.</returns>
    Task<bool> RevokeAsync(OpaqueToken token, string because, CancellationToken cancellationToken);
}

/// <summary>Access tokens that say nothing themselves (T-14): 256 random bits, of which only the hash is stored.</summary>
internal sealed class OpaqueForm(IOpaqueTokens store) : ITokenForm
{
    private const string Prefix = OpaqueTokenFormat.Prefix;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    public static string NewToken() => Prefix + Entropy.Token();

    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    public bool Has(string token) => token.StartsWith(Prefix, StringComparison.Ordinal);

    public async Task<OpaqueToken?> FindAsync(string token, CancellationToken cancellationToken) =>
        OpaqueTokenFormat.IsWellFormed(token) ? await store.FindAsync(Hash(token), cancellationToken) : null;

    public async Task<Result<KnownToken, string>> ReadAsync(string token, CancellationToken cancellationToken) =>
        await FindAsync(token, cancellationToken) is { } stored ? KnownClaims.Of(JsonDocument.Parse(stored.Claims, Strict).RootElement, kid: null) : "unknown token";
}
