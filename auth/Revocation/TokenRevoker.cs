using System.Net;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Revocation;

/// <summary>Ends a token that somebody shows, whatever kind it is of.</summary>
internal sealed class TokenRevoker(
    RefreshFamilies families, OwnTokens tokens, OpaqueForm opaque, IOpaqueTokens opaqueTokens, IApiTokens apiTokens, IRevocations revocations, RevocationState state,
    RevocationShares shares, IAudit audit, TimeProvider time)
{
    /// <summary>Ends the token if there is one to end. Whether there was one is nobody's business.</summary>
    /// <param name="token">The token, of any kind or none.</param>
    /// <param name="clientId">The client whose tokens alone are ended; null when showing it is enough.</param>
    /// <param name="because">Why, for the operator.</param>
    /// <param name="address">Who asks.</param>
    /// <param name="limited">It counts against the share of the token's holder.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Why nothing was ended though there may be something to end; null otherwise.</returns>
    public async Task<OAuthError?> RevokeAsync(string token, string? clientId, string because, IPAddress? address, bool limited, CancellationToken cancellationToken)
    {
        // By its looks, not by the caller's hint, which may be wrong (RFC 7009 §2.1).
        var ended = token.StartsWith(ApiTokenText.Prefix, StringComparison.Ordinal) ? await ApiTokenAsync(token, because, limited, cancellationToken)
            : opaque.Has(token) ? await OpaqueAsync(token, clientId, because, limited, cancellationToken)
            : token.Contains('.', StringComparison.Ordinal) ? await JwtAsync(token, clientId, because, limited, cancellationToken)
            : await FamilyAsync(token, clientId, because, limited, cancellationToken);
        if (ended.Event is { } done) audit.Record(done with { Address = address, Reason = because });
        return ended.Refusal;
    }

    // An API token belongs to its owner, not to the client it was made through: whoever shows it may end it.
    private async Task<Ending> ApiTokenAsync(string token, string because, bool limited, CancellationToken cancellationToken)
    {
        if (!ApiTokenText.IsWellFormed(token) || await apiTokens.FindAsync(ApiTokenText.Hash(token), cancellationToken) is not { RevokedAt: null } found) return Ending.None;
        if (limited && shares.Count(found.ZoneId, found.UserId, found.ClientId) is { } refusal) return refusal;
        return await apiTokens.RevokeAsync(found, because, time.GetUtcNow(), cancellationToken)
            ? new AuditEvent("token.revoked") { ClientId = found.ClientId, UserId = found.UserId, TokenId = found.Id } : Ending.None;
    }

    private async Task<Ending> OpaqueAsync(string token, string? clientId, string because, bool limited, CancellationToken cancellationToken)
    {
        if (await opaque.FindAsync(token, cancellationToken) is not { } found || IsAnothers(found.ClientId, clientId)) return Ending.None;
        if (limited && shares.Count(found.ZoneId, found.UserId, found.ClientId) is { } refusal) return refusal;
        return await opaqueTokens.RevokeAsync(found, because, cancellationToken)
            ? new AuditEvent("token.revoked") { ClientId = found.ClientId, UserId = found.UserId, TokenId = found.TokenId } : Ending.None;
    }

    private async Task<Ending> JwtAsync(string token, string? clientId, string because, bool limited, CancellationToken cancellationToken)
    {
        // Never by the jti alone: the token must be genuine.
        var claims = await tokens.VerifyAsync(token, "at+jwt", cancellationToken: cancellationToken);
        if (!claims.IsSuccess || KnownClaims.Of(claims.Value, CompactJws.Read(token).Value!.Kid) is not { IsSuccess: true } known) return Ending.None;
        var marks = known.Value.Marks;
        if (marks.TokenId is not { } jti || IsAnothers(marks.ClientId, clientId) || state.IsRevoked(marks)) return Ending.None;
        if (limited && shares.Count(marks.ZoneId, marks.UserId, marks.ClientId) is { } refusal) return refusal;
        await revocations.AddAsync(RevocationEvent.OfToken(marks.ZoneId, jti, marks, known.Value.ExpiresAt, because), cancellationToken);
        return new AuditEvent("token.revoked") { ClientId = marks.ClientId, UserId = marks.UserId, TokenId = jti, SessionId = marks.SessionId };
    }

    // The whole family with the access tokens of the grant.
    private async Task<Ending> FamilyAsync(string token, string? clientId, string because, bool limited, CancellationToken cancellationToken)
    {
        if (await families.FindAsync(token, cancellationToken) is not var (family, _) || family.Revoked || IsAnothers(family.ClientId, clientId)) return Ending.None;
        if (limited && shares.Count(family.ZoneId, family.UserId, family.ClientId) is { } refusal) return refusal;
        await families.RevokeAsync(family, because, cancellationToken);
        return new AuditEvent("grant.revoked") { ClientId = family.ClientId, UserId = family.UserId, TokenId = family.Id, SessionId = family.SessionId };
    }

    /// <summary>What was ended, if anything was.</summary>
    private readonly record struct Ending(AuditEvent? Event, OAuthError? Refusal)
    {
        public static Ending None => default;

        public static implicit operator Ending(AuditEvent done) => new(done, null);

        public static implicit operator Ending(OAuthError refusal) => new(null, refusal);
    }

    private static bool IsAnothers(string holder, string? clientId) => clientId is not null && holder != clientId;
}
