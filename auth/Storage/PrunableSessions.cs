using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>Sessions that are over; their applications go with them.</summary>
internal sealed class PrunableSessions(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // Long enough to find out from the database why somebody was signed out.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    public string Rows => "sessions";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE expires_at <= @ended LIMIT @batch)",
            new { ended = (now - Kept).Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
}

/// <summary>Decisions, passcodes and sign-ins for browsers that count no longer.</summary>
internal sealed class PrunableDecisions(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    private static readonly string[] Statements =
    [
        "DELETE FROM approvals WHERE (zone_id, user_id, client_id, scope) IN (SELECT zone_id, user_id, client_id, scope FROM approvals WHERE expires_at <= @now LIMIT @batch)",
        "DELETE FROM passcodes WHERE code_hash IN (SELECT code_hash FROM passcodes WHERE expires_at <= @now LIMIT @batch)",
        "DELETE FROM autologins WHERE code_hash IN (SELECT code_hash FROM autologins WHERE expires_at <= @now LIMIT @batch)",
    ];

    public string Rows => "approvals and one-time codes";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var done = true;
        foreach (var statement in Statements)
            done &= await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
                statement, new { now = now.Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
        return done;
    }
}
