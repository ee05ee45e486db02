using Dapper;
using SecureMesh.Auth.Pruning;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

/// <summary>Devices that nobody allowed in time, and those that were served.</summary>
internal sealed class PrunableDeviceCodes(SqlDatabase database) : IPrunable
{
    private const int Batch = 500;

    // A device that comes late shall still learn that its code has expired, and not that there never was one.
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    public string Rows => "device authorizations";

    public async Task<bool> PruneAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        await database.WriteAsync((connection, transaction) => connection.ExecuteAsync(new CommandDefinition(
            "DELETE FROM device_authorizations WHERE id IN (SELECT id FROM device_authorizations WHERE expires_at <= @ended LIMIT @Batch)",
            new { ended = (now - Kept).Milliseconds(), Batch }, transaction, cancellationToken: cancellationToken)), cancellationToken) < Batch;
}
