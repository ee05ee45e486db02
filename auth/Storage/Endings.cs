using System.Data.Common;
using Dapper;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Storage;

/// <summary>What must end together with a change of a client or user, in the change's own transaction.</summary>
internal sealed class Endings(IRevocations revocations, TimeProvider time)
{
    // A minute more than the longest token: a code that is being redeemed right now.
    private static readonly TimeSpan Longest = TokenOptions.LongestAccess + TimeSpan.FromMinutes(1);

    public Task OfClientAsync(DbConnection connection, DbTransaction transaction, string zoneId, string clientId, string because) =>
        EndAsync(connection, transaction, RevocationKind.Client, "client_id", zoneId, clientId, because);

    public Task OfUserAsync(DbConnection connection, DbTransaction transaction, string zoneId, string userId, string because) =>
        EndAsync(connection, transaction, RevocationKind.User, "user_id", zoneId, userId, because);

    /// <summary>One-time codes that stand for a sign-in of the user: a new sign-in of what is over must not begin with them.</summary>
    public static async Task OfCodesAsync(DbConnection connection, DbTransaction transaction, string zoneId, string userId)
    {
        await connection.ExecuteAsync("DELETE FROM passcodes WHERE zone_id = @zoneId AND user_id = @userId", new { zoneId, userId }, transaction);
        await connection.ExecuteAsync("DELETE FROM autologins WHERE zone_id = @zoneId AND user_id = @userId", new { zoneId, userId }, transaction);
    }

    private async Task EndAsync(
        DbConnection connection, DbTransaction transaction, RevocationKind kind, string column, string zoneId, string subject, string because)
    {
        var now = time.GetUtcNow();
        await connection.ExecuteAsync(
            $"UPDATE refresh_families SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND {column} = @subject AND revoked_at IS NULL",
            new { zoneId, subject, because, now = now.Milliseconds() }, transaction);
        // These live longer than the event below: without a mark of their own they would come back when it is forgotten.
        await connection.ExecuteAsync(
            $"UPDATE api_tokens SET revoked_at = @now, revoked_because = @because WHERE zone_id = @zoneId AND {column} = @subject AND revoked_at IS NULL",
            new { zoneId, subject, because, now = now.Milliseconds() }, transaction);
        if (kind == RevocationKind.User) await OfCodesAsync(connection, transaction, zoneId, subject);
        // Last: the lock on the sequence is held until the commit.
        await revocations.AddAsync(connection, transaction, new RevocationEvent
        {
            Kind = kind,
            Subject = subject,
            NotBefore = now,
            ExpiresAt = now + Longest,
            Because = because,
            ZoneId = zoneId,
        });
    }
}
