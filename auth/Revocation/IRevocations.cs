using System.Data.Common;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Revocation;

/// <summary>What a revocation ends.</summary>
internal enum RevocationKind
{
    /// <summary>One token, by its <c>jti</c>.</summary>
    Token,

    /// <summary>All tokens of one authorization, by claim <c>grant_id</c>.</summary>
    Grant,

    /// <summary>All tokens of a browser session, by claim <c>sid</c>.</summary>
    Session,

    /// <summary>A user's tokens that were issued before a moment; of one client alone when <see cref="RevocationEvent.ClientId"/> is set.</summary>
    User,

    /// <summary>A client's tokens that were issued before a moment.</summary>
    Client,

    /// <summary>Everything a signing key signed, by its <c>kid</c>.</summary>
    Key,

    /// <summary>All tokens of a zone that were issued before a moment.</summary>
    Zone,
}

/// <summary>One revocation.</summary>
internal sealed record RevocationEvent
{
    public required RevocationKind Kind { get; init; }

    /// <summary>The value of the claim that names what ended.</summary>
    public required string Subject { get; init; }

    /// <summary>With a user: of the tokens held by this client alone.</summary>
    public string? ClientId { get; init; }

    /// <summary>
    /// With a user, client or zone: tokens issued before this moment are ended; null means now. It is kept in whole seconds,
    /// rounded up, because <c>iat</c> has no more: see docs/decisions/0011.
    /// </summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>When the last token it can concern has expired anyway.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>For the operator.</summary>
    public required string Because { get; init; }

    public string ZoneId { get; init; } = Zone.Default;

    /// <summary>
    /// The end of one token. One that belongs to no authorization and no session is itself the authorization of what was
    /// exchanged for it, which ends too.
    /// </summary>
    public static IReadOnlyList<RevocationEvent> OfToken(string zoneId, string tokenId, in TokenMarks marks, DateTimeOffset tokenExpiresAt, string because)
    {
        var token = OfToken(zoneId, tokenId, tokenExpiresAt, because);
        return marks is { GrantId: null, SessionId: null } ? [token, token with { Kind = RevocationKind.Grant }] : [token];
    }

    /// <summary>The end of one token, and of nothing else.</summary>
    public static RevocationEvent OfToken(string zoneId, string tokenId, DateTimeOffset tokenExpiresAt, string because) => new()
    {
        ZoneId = zoneId,
        Kind = RevocationKind.Token,
        Subject = tokenId,
        Because = because,
        ExpiresAt = tokenExpiresAt + TimeSpan.FromMinutes(1),
    };

    /// <summary>When the last access token issued until now has expired, and the clocks of others say so too.</summary>
    public static DateTimeOffset EndOfTokens(DateTimeOffset now) => now + TokenOptions.LongestAccess + TimeSpan.FromMinutes(1);
}

/// <summary>A revocation as stored.</summary>
/// <param name="Sequence">Counts from 1 without gaps, in the order of commits.</param>
/// <param name="Revocation">What was revoked.</param>
internal sealed record NumberedRevocation(long Sequence, RevocationEvent Revocation);

/// <summary>The stored revocations, for those who follow them.</summary>
internal interface IRevocationRows
{
    /// <summary>The number of the last revocation, and of the last one that was deleted because it concerned nothing any more.</summary>
    Task<(long Head, long Pruned)> HeadAsync(CancellationToken cancellationToken);

    /// <summary>The next revocations after a number, in order.</summary>
    Task<IReadOnlyList<NumberedRevocation>> ReadAsync(long after, int most, CancellationToken cancellationToken);
}

/// <summary>The one place where anything is revoked: durable, ordered, and told to all who follow.</summary>
internal interface IRevocations
{
    /// <summary>Records within the caller's transaction, so that the change and its revocation happen together or not at all.</summary>
    Task AddAsync(DbConnection connection, DbTransaction transaction, RevocationEvent revocation);

    /// <summary>Records in a transaction of its own.</summary>
    Task AddAsync(RevocationEvent revocation, CancellationToken cancellationToken) => AddAsync([revocation], cancellationToken);

    /// <summary>Records all or nothing, in a transaction of its own.</summary>
    Task AddAsync(IReadOnlyList<RevocationEvent> revocations, CancellationToken cancellationToken);
}
