using Dapper;
using SecureMesh.Auth.Authorize;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlAuthorizationCodes(SqlDatabase database, IRevocations revocations) : IAuthorizationCodes
{
    public async Task<bool> TryCompleteAsync(
        string? codeHash, AuthorizationCode? code, string? transactionHash, string? pushedHash, DateTimeOffset now, CancellationToken cancellationToken)
    {
        try
        {
            return await database.WriteAsync(async (connection, transaction) =>
            {
                Task<int> ExecuteAsync(string sql, object parameters) =>
                    connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken));
                var at = now.Milliseconds();
                if (transactionHash is not null && await ExecuteAsync(
                    "UPDATE authorization_transactions SET completed_at = @at WHERE transaction_hash = @transactionHash AND completed_at IS NULL AND expires_at > @at",
                    new { transactionHash, at }) != 1) throw new CompletedException();
                // The request may end while the person is signing in: what counts is that it was alive when it was shown.
                if (pushedHash is not null && await ExecuteAsync(
                    "UPDATE pushed_requests SET completed_at = @at WHERE request_hash = @pushedHash AND completed_at IS NULL", new { pushedHash, at }) != 1) throw new CompletedException();
                if (code is not null) await ExecuteAsync(Insert, Values(codeHash!, code));
                return true;
            }, cancellationToken);
        }
        catch (CompletedException)
        {
            return false;
        }
    }

    public async Task<AuthorizationCode?> FindAsync(string codeHash, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(
            "SELECT * FROM authorization_codes WHERE code_hash = @codeHash", new { codeHash }, cancellationToken: cancellationToken));
        return row?.ToCode();
    }

    public Task<bool> TryConsumeAsync(string codeHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) => await connection.ExecuteAsync(new CommandDefinition(
            "UPDATE authorization_codes SET consumed_at = @now WHERE code_hash = @codeHash AND consumed_at IS NULL AND expires_at > @now",
            new { codeHash, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken)) == 1, cancellationToken);

    public Task CountFailureAsync(string codeHash, int most, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            UPDATE authorization_codes SET failures = failures + 1, consumed_at = CASE WHEN failures + 1 >= @most THEN @now ELSE NULL END
            WHERE code_hash = @codeHash AND consumed_at IS NULL
            """,
            new { codeHash, most, now = now.Milliseconds() }, transaction, cancellationToken: cancellationToken)), cancellationToken);

    public Task<bool> EndReusedAsync(string codeHash, RevocationEvent revocation, DateTimeOffset now, CancellationToken cancellationToken) =>
        database.WriteAsync(async (connection, transaction) =>
        {
            var at = now.Milliseconds();
            // Locks the row: a family that is being started for this code comes before, and is ended below, or after, and starts ended.
            if (await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE authorization_codes SET reused_at = @at WHERE code_hash = @codeHash AND reused_at IS NULL",
                new { codeHash, at }, transaction, cancellationToken: cancellationToken)) == 0) return false;
            await connection.ExecuteAsync(new CommandDefinition(
                "UPDATE refresh_families SET revoked_at = @at, revoked_because = @Because WHERE family_id = @Subject AND revoked_at IS NULL",
                new { revocation.Subject, revocation.Because, at }, transaction, cancellationToken: cancellationToken));
            await revocations.AddAsync(connection, transaction, revocation);
            return true;
        }, cancellationToken);

    private const string Insert =
        """
        INSERT INTO authorization_codes (code_hash, zone_id, client_id, user_id, grant_id, redirect_uri, scopes, resources, nonce, code_challenge, dpop_jkt,
            session_id, auth_time, details, rev_sig, created_at, expires_at)
        VALUES (@codeHash, @ZoneId, @ClientId, @UserId, @GrantId, @RedirectUri, @Scopes, @Resources, @Nonce, @CodeChallenge, @DpopJkt,
            @SessionId, @AuthTime, @Details, @RevSig, @CreatedAt, @ExpiresAt)
        """;

    private static object Values(string codeHash, AuthorizationCode code) => new
    {
        codeHash,
        code.ZoneId,
        code.ClientId,
        code.UserId,
        code.GrantId,
        code.RedirectUri,
        Scopes = Words.Join(code.Scopes),
        Resources = Words.Join(code.Resources),
        code.Nonce,
        code.CodeChallenge,
        code.DpopJkt,
        code.SessionId,
        AuthTime = code.AuthTime.ToUnixTimeSeconds(),
        Details = code.Details.ToJson(),
        code.RevSig,
        CreatedAt = code.CreatedAt.Milliseconds(),
        ExpiresAt = code.ExpiresAt.Milliseconds(),
    };

    // Rolls the transaction back: nothing of an answer is kept that is given a second time.
    private sealed class CompletedException : Exception;

    private sealed class Row
    {
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string UserId { get; init; } = "";
        public string GrantId { get; init; } = "";
        public string? RedirectUri { get; init; }
        public string Scopes { get; init; } = "";
        public string Resources { get; init; } = "";
        public string? Nonce { get; init; }
        public string? CodeChallenge { get; init; }
        public string? DpopJkt { get; init; }
        public string? SessionId { get; init; }
        public long AuthTime { get; init; }
        public string Details { get; init; } = "{}";
        public string RevSig { get; init; } = "";
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }
        public long? ConsumedAt { get; init; }

        public AuthorizationCode ToCode() => new()
        {
            ZoneId = ZoneId,
            ClientId = ClientId,
            UserId = UserId,
            GrantId = GrantId,
            RedirectUri = RedirectUri,
            Scopes = Words.Split(Scopes),
            Resources = Words.Split(Resources),
            Nonce = Nonce,
            CodeChallenge = CodeChallenge,
            DpopJkt = DpopJkt,
            SessionId = SessionId,
            AuthTime = DateTimeOffset.FromUnixTimeSeconds(AuthTime),
            Details = SignInDetails.Parse(Details),
            RevSig = RevSig,
            CreatedAt = CreatedAt.At(),
            ExpiresAt = ExpiresAt.At(),
            Consumed = ConsumedAt is not null,
        };
    }
}
