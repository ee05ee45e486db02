using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>One sign-in that may be renewed, whatever number of refresh tokens it has had.</summary>
internal sealed record RefreshFamily
{
    public required string Id { get; init; }
    public required string ZoneId { get; init; }
    public required string ClientId { get; init; }
    public required string UserId { get; init; }

    /// <summary>As granted at the sign-in: a narrowed access token does not narrow the family.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    public required IReadOnlyList<string> Resources { get; init; }
    public required string GrantType { get; init; }
    public string? ClientAuthMethod { get; init; }
    public required DateTimeOffset AuthTime { get; init; }
    public required string RevSig { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public bool Revoked { get; init; }
    public string? SessionId { get; init; }
    public SignInDetails Details { get; init; } = new();
}

/// <summary>One refresh token as stored.</summary>
/// <param name="Hash">SHA-256 of the token, hex.</param>
/// <param name="Generation">Counts from 1 within the family.</param>
/// <param name="IssuedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends if it is not used.</param>
/// <param name="ConsumedAt">When it was exchanged; null while it is live.</param>
/// <param name="ChildSealed">The token it was exchanged for, readable with this token alone.</param>
/// <param name="ChildUsed">The token it was exchanged for has been exchanged itself.</param>
internal sealed record RefreshToken(
    string Hash, long Generation, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, DateTimeOffset? ConsumedAt, string? ChildSealed, bool ChildUsed);

/// <summary>The refresh tokens of all zones.</summary>
internal interface IRefreshTokens
{
    /// <summary>Stores a family; those of the same user and client beyond <paramref name="most"/> are revoked, the oldest first.</summary>
    Task StartAsync(RefreshFamily family, RefreshToken first, int most, CancellationToken cancellationToken);

    Task<(RefreshFamily Family, RefreshToken Token)?> FindAsync(string tokenHash, CancellationToken cancellationToken);

    /// <summary>Exchanges a token for its child, in one conditional write: at most one caller succeeds, and none in a revoked family.</summary>
    /// <returns>True when this caller did.</returns>
    Task<bool> TryRotateAsync(string tokenHash, RefreshToken child, string childSealed, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Moves the end of a live token in one conditional write.</summary>
    /// <returns>False when it was spent, or its family revoked.</returns>
    Task<bool> TryProlongAsync(string tokenHash, DateTimeOffset expiresAt, CancellationToken cancellationToken);

    Task RevokeAsync(string familyId, string because, DateTimeOffset now, CancellationToken cancellationToken);
}

/// <summary>Makes refresh tokens and exchanges them: each is good once (RFC 9700 §4.14.2).</summary>
internal sealed class RefreshFamilies(IRefreshTokens store, Current<TokenOptions> options, TimeProvider time)
{
    private const string Prefix = "sm_rt_";

    // UAA's mark of a refresh token: no client takes it for an access token.
    private const string Suffix = "-r";

    /// <summary>Starts a family and returns its first token.</summary>
    public async Task<string> StartAsync(Authorization authorization, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var client = authorization.Client.Client;
        var isPublic = authorization.Details.Public || IsPublic(authorization.Client);
        var longest = options.Value.RefreshTokenAbsolute;
        if (isPublic && client.Metadata.ApplicationType != "native" && options.Value.RefreshTokenAbsoluteInBrowser < longest) longest = options.Value.RefreshTokenAbsoluteInBrowser;
        if (client.RefreshTokenValidity is { } own && own < longest) longest = own;
        var family = new RefreshFamily
        {
            Id = authorization.GrantId ?? Entropy.HexId(),
            ZoneId = client.ZoneId,
            ClientId = client.Id,
            UserId = authorization.User!.Id,
            Scopes = authorization.Scopes,
            Resources = authorization.GrantedResources ?? authorization.Resources,
            GrantType = authorization.GrantType,
            ClientAuthMethod = authorization.Client.Method,
            AuthTime = authorization.AuthTime ?? now,
            RevSig = RevocationSignature.Of(client, authorization.User),
            CreatedAt = now,
            ExpiresAt = now + longest,
            SessionId = authorization.SessionId,
            Details = authorization.Details with { Public = isPublic, Jkt = authorization.Client.ProvedNothing ? authorization.Confirmation?.Jkt : null },
        };
        var token = NewToken();
        await store.StartAsync(family, Stored(token, 1, now, family), options.Value.SessionsPerUserAndClient, cancellationToken);
        return token;
    }

    /// <summary>True when the client showed no credential at all; UAA's empty secret is one.</summary>
    public static bool IsPublic(AuthenticatedClient client) => client.Method == "none" && client.Client.SecretHash != ClientSecret.Empty;

    /// <summary>Whether a refresh spends the token: always where the client has no secret, never under FAPI 2.0 (F2-33), else as it is set.</summary>
    public bool Rotates(RefreshFamily family, Client client) =>
        family.Details.Public || (client.Metadata.Profile != "fapi2" && (client.Metadata.RefreshTokenRotation ?? options.Value.RotateRefreshTokens));

    /// <summary>Moves the end by disuse of a token that stays good; false when it was spent or revoked meanwhile.</summary>
    public Task<bool> ProlongAsync(RefreshFamily family, RefreshToken stored, CancellationToken cancellationToken) =>
        store.TryProlongAsync(stored.Hash, Idle(family, time.GetUtcNow()), cancellationToken);

    public async Task<(RefreshFamily Family, RefreshToken Token)?> FindAsync(string token, CancellationToken cancellationToken) =>
        IsWellFormed(token) ? await store.FindAsync(Hash(token), cancellationToken) : null;

    /// <summary>Exchanges the token; null when another caller was faster.</summary>
    public async Task<string?> RotateAsync(string token, RefreshFamily family, RefreshToken stored, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var child = NewToken();
        var box = Base64Url.EncodeToString(SealedBox.Seal(ChildKey(token), Encoding.ASCII.GetBytes(child)));
        var rotated = await store.TryRotateAsync(stored.Hash, Stored(child, stored.Generation + 1, now, family), box, now, cancellationToken);
        return rotated ? child : null;
    }

    /// <summary>
    /// The child of a token exchanged a moment ago, as long as the child itself was not used: parallel requests and a lost
    /// answer are no theft. Null means that this is reuse.
    /// </summary>
    public string? RepeatedChild(string token, RefreshToken stored)
    {
        if (stored.ConsumedAt is not { } consumed || stored.ChildSealed is null || stored.ChildUsed) return null;
        if (time.GetUtcNow() - consumed >= options.Value.RefreshTokenGrace) return null;
        return SealedBox.Open(ChildKey(token), Base64Url.DecodeFromChars(stored.ChildSealed)) is { } child ? Encoding.ASCII.GetString(child) : null;
    }

    public Task RevokeAsync(RefreshFamily family, string because, CancellationToken cancellationToken) =>
        store.RevokeAsync(family.Id, because, time.GetUtcNow(), cancellationToken);

    private RefreshToken Stored(string token, long generation, DateTimeOffset now, RefreshFamily family) =>
        new(Hash(token), generation, now, Idle(family, now), null, null, false);

    // Never beyond the absolute end (T-12).
    private DateTimeOffset Idle(RefreshFamily family, DateTimeOffset now)
    {
        var idle = now + options.Value.RefreshTokenIdle;
        return idle < family.ExpiresAt ? idle : family.ExpiresAt;
    }

    private static string NewToken() => Prefix + Entropy.Token() + Suffix;

    /// <summary>True when the text looks like a refresh token.</summary>
    public static bool IsWellFormed(string token) =>
        token.Length == Prefix.Length + 43 + Suffix.Length && token.StartsWith(Prefix, StringComparison.Ordinal) && token.EndsWith(Suffix, StringComparison.Ordinal);

    private static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(token)));

    private static byte[] ChildKey(string token) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.ASCII.GetBytes(token), 32, info: "refresh token child"u8.ToArray());
}
