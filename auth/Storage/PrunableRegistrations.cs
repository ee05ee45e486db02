using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>The keys of registrations that can be undone no longer; the users stay.</summary>
internal sealed class PrunableRegistrations(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    public string Rows => "keys of registrations";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            """
            UPDATE users SET registration_client = NULL, registration_key_hash = NULL
            WHERE id IN (SELECT id FROM users WHERE registration_key_hash IS NOT NULL AND created_at <= @since LIMIT @batch)
            """,
            new { since = (now - User.UndoRegistrationWithin).Milliseconds(), batch = Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
}
