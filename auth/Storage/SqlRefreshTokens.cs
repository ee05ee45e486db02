using Dapper;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlRefreshTokens(SqlDatabase database, IRevocations revocations) : IRefreshTokens
{
    private const string InsertToken =
        """
        INSERT INTO refresh_tokens (token_hash, zone_id, family_id, generation, issued_at, expires_at)
        SELECT @Hash, zone_id, family_id, @Generation, @IssuedAt, @ExpiresAt FROM refresh_families WHERE family_id = @familyId
        """;

    public Task StartAsync(RefreshFamily family, RefreshToken first, int most, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            // Locks the code that it comes from: its second use comes before, and the family starts revoked, or after, and finds it.
            if (family.GrantType == "authorization_code") await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE authorization_codes SET renewed_at = @now WHERE grant_id = @Id", new { family.Id, now = family.CreatedAt.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            // Locks the session in the same way: its end comes before, and the family starts as that end leaves families, or after, and finds it.
            var session = family.SessionId is null ? null : await connection.QuerySingleOrDefaultAsync<SessionEnd>(new CommandDefinition(
                "UPDATE sessions SET seen_at = seen_at WHERE session_id = @SessionId RETURNING ended_at, ended_because", new { family.SessionId }, transaction,
                cancellationToken: cancellationToken));
            var over = session is { EndedAt: not null };
            await connection.ExecuteAsync(new CommandDefinition(
                """
                INSERT INTO refresh_families (family_id, zone_id, client_id, user_id, scopes, resources, grant_type, client_auth_method, auth_time, rev_sig, created_at, expires_at, session_id, details, revoked_at, revoked_because)
                VALUES (@Id, @ZoneId, @ClientId, @UserId, @Scopes, @Resources, @GrantType, @ClientAuthMethod, @AuthTime, @RevSig, @CreatedAt, @ExpiresAt, @SessionId, @Details,
                    COALESCE((SELECT reused_at FROM authorization_codes WHERE grant_id = @Id), @RevokedAt),
                    COALESCE((SELECT 'authorization code reuse' FROM authorization_codes WHERE grant_id = @Id AND reused_at IS NOT NULL), @RevokedBecause))
                """,
                new
                {
                    family.Id,
                    family.ZoneId,
                    family.ClientId,
                    family.UserId,
                    Scopes = Words.Join(family.Scopes),
                    Resources = Words.Join(family.Resources),
                    family.GrantType,
                    family.ClientAuthMethod,
                    AuthTime = family.AuthTime.ToUnixTimeSeconds(),
                    family.RevSig,
                    CreatedAt = family.CreatedAt.Milliseconds(),
                    ExpiresAt = family.ExpiresAt.Milliseconds(),
                    SessionId = over && family.Details.Offline ? null : family.SessionId,
                    Details = family.Details.ToJson(),
                    RevokedAt = over && !family.Details.Offline ? session!.EndedAt : null,
                    RevokedBecause = over && !family.Details.Offline ? session!.EndedBecause ?? "session ended" : null,
                },
                transaction, cancellationToken: cancellationToken));
            await connection.ExecuteAsync(new CommandDefinition(InsertToken, Token(first, family.Id), transaction, cancellationToken: cancellationToken));
            // Sign-ins at the same moment may not see each other; the next one ends what they left too many.
            const string because = "too many sign-ins of one user at one client";
            var ended = await connection.QueryAsync<string>(new CommandDefinition(
                """
                UPDATE refresh_families SET revoked_at = @now, revoked_because = @because
                WHERE revoked_at IS NULL AND family_id IN (
                    SELECT family_id FROM refresh_families
                    WHERE zone_id = @ZoneId AND user_id = @UserId AND client_id = @ClientId AND revoked_at IS NULL AND family_id <> @Id
                    ORDER BY created_at DESC, family_id LIMIT 500 OFFSET @others)
                RETURNING family_id
                """,
                new { family.ZoneId, family.UserId, family.ClientId, family.Id, others = most - 1, because, now = family.CreatedAt.Milliseconds() },
                transaction, cancellationToken: cancellationToken));
            foreach (var id in ended) await revocations.AddAsync(connection, transaction, OfGrant(family.ZoneId, id, because, family.CreatedAt));
            return 0;
        }, cancellationToken);

    public async Task<(RefreshFamily Family, RefreshToken Token)?> FindAsync(string tokenHash, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            """
            SELECT f.family_id, f.zone_id, f.client_id, f.user_id, f.scopes, f.resources, f.grant_type, f.client_auth_method, f.auth_time, f.rev_sig,
                f.created_at, f.expires_at AS family_expires_at, f.revoked_at, f.session_id, f.details,
                t.token_hash, t.generation, t.issued_at, t.expires_at, t.consumed_at, t.child_sealed, child.consumed_at AS child_consumed_at
            FROM refresh_tokens t JOIN refresh_families f ON f.family_id = t.family_id LEFT JOIN refresh_tokens child ON child.token_hash = t.child_hash
            WHERE t.token_hash = @tokenHash
            """, new { tokenHash }, cancellationToken: cancellationToken));
        return row is null ? null : (row.ToFamily(), row.ToToken());
    }

    public Task<bool> TryRotateAsync(string tokenHash, RefreshToken child, string childSealed, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var familyId = await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
                """
                UPDATE refresh_tokens SET consumed_at = @now, child_hash = @Hash, child_sealed = @childSealed
                WHERE token_hash = @tokenHash AND consumed_at IS NULL AND family_id IN (SELECT family_id FROM refresh_families WHERE revoked_at IS NULL)
                RETURNING family_id
                """,
                new { tokenHash, child.Hash, childSealed, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (familyId is null) return false;
            await connection.ExecuteAsync(new CommandDefinition(InsertToken, Token(child, familyId), transaction, cancellationToken: cancellationToken));
            return true;
        }, cancellationToken);

    public Task<bool> TryProlongAsync(string tokenHash, DateTimeOffset expiresAt, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            """
            UPDATE refresh_tokens SET expires_at = @ends
            WHERE token_hash = @tokenHash AND consumed_at IS NULL AND family_id IN (SELECT family_id FROM refresh_families WHERE revoked_at IS NULL)
            """,
            new { tokenHash, ends = expiresAt.Milliseconds() }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public Task RevokeAsync(string familyId, string because, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var zoneId = await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
                "UPDATE refresh_families SET revoked_at = @now, revoked_because = @because WHERE family_id = @familyId AND revoked_at IS NULL RETURNING zone_id",
                new { familyId, because, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken));
            if (zoneId is not null) await revocations.AddAsync(connection, transaction, OfGrant(zoneId, familyId, because, now));
            return 0;
        }, cancellationToken);

    private static RevocationEvent OfGrant(string zoneId, string familyId, string because, DateTimeOffset now) => new()
    {
        ZoneId = zoneId,
        Kind = RevocationKind.Grant,
        Subject = familyId,
        Because = because,
        ExpiresAt = RevocationEvent.EndOfTokens(now),
    };

    private static object Token(RefreshToken token, string familyId) =>
        new { token.Hash, token.Generation, IssuedAt = token.IssuedAt.Milliseconds(), ExpiresAt = token.ExpiresAt.Milliseconds(), familyId };

    private sealed class SessionEnd
    {
        public long? EndedAt { get; init; }
        public string? EndedBecause { get; init; }
    }

    private sealed class Row
    {
        public string FamilyId { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string UserId { get; init; } = "";
        public string Scopes { get; init; } = "";
        public string Resources { get; init; } = "";
        public string GrantType { get; init; } = "";
        public string? ClientAuthMethod { get; init; }
        public long AuthTime { get; init; }
        public string RevSig { get; init; } = "";
        public long CreatedAt { get; init; }
        public long FamilyExpiresAt { get; init; }
        public long? RevokedAt { get; init; }
        public string? SessionId { get; init; }
        public string Details { get; init; } = "{}";
        public string TokenHash { get; init; } = "";
        public long Generation { get; init; }
        public long IssuedAt { get; init; }
        public long ExpiresAt { get; init; }
        public long? ConsumedAt { get; init; }
        public string? ChildSealed { get; init; }
        public long? ChildConsumedAt { get; init; }

        public RefreshFamily ToFamily() => new()
        {
            Id = FamilyId,
            ZoneId = ZoneId,
            ClientId = ClientId,
            UserId = UserId,
            Scopes = Words.Split(Scopes),
            Resources = Words.Split(Resources),
            GrantType = GrantType,
            ClientAuthMethod = ClientAuthMethod,
            AuthTime = DateTimeOffset.FromUnixTimeSeconds(AuthTime),
            RevSig = RevSig,
            CreatedAt = CreatedAt.At(),
            ExpiresAt = FamilyExpiresAt.At(),
            Revoked = RevokedAt is not null,
            SessionId = SessionId,
            Details = SignInDetails.Parse(Details),
        };

        public RefreshToken ToToken() =>
            new(TokenHash, Generation, IssuedAt.At(), ExpiresAt.At(), ConsumedAt.At(), ChildSealed, ChildConsumedAt is not null);
    }
}
