using Dapper;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Storage;

internal sealed class SqlDeviceCodes(SqlDatabase database) : IDeviceCodes
{
    public async Task<bool> TryAddAsync(DeviceCode code, string deviceCodeHash, string userCodeHash, CancellationToken cancellationToken) =>
        await WriteAsync(
            """
            INSERT INTO device_authorizations (id, zone_id, client_id, device_code_hash, user_code_hash, scopes, resources, address, state, poll_interval, created_at, expires_at)
            VALUES (@Id, @ZoneId, @ClientId, @deviceCodeHash, @userCodeHash, @Scopes, @Resources, @Address, 'pending', @Interval, @CreatedAt, @ExpiresAt)
            ON CONFLICT (zone_id, user_code_hash) DO NOTHING
            """,
            new
            {
                code.Id,
                code.ZoneId,
                code.ClientId,
                code.Address,
                deviceCodeHash,
                userCodeHash,
                Scopes = Words.Join(code.Scopes),
                Resources = Words.Join(code.Resources),
                Interval = (long)code.Interval.TotalMilliseconds,
                CreatedAt = code.CreatedAt.Milliseconds(),
                ExpiresAt = code.ExpiresAt.Milliseconds(),
            }, cancellationToken) == 1;

    public async Task<long> PendingAsync(string zoneId, string address, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT COUNT(*) FROM device_authorizations WHERE zone_id = @zoneId AND address = @address AND state = 'pending' AND expires_at > @now",
            new { zoneId, address, now = now.Milliseconds() }, cancellationToken: cancellationToken));
    }

    public Task<DeviceCode?> FindPendingAsync(string zoneId, string userCodeHash, DateTimeOffset now, CancellationToken cancellationToken) => OneAsync(
        "SELECT * FROM device_authorizations WHERE zone_id = @zoneId AND user_code_hash = @userCodeHash AND state = 'pending' AND expires_at > @now",
        new { zoneId, userCodeHash, now = now.Milliseconds() }, cancellationToken);

    public Task<DeviceCode?> FindAsync(string deviceCodeHash, CancellationToken cancellationToken) =>
        OneAsync("SELECT * FROM device_authorizations WHERE device_code_hash = @deviceCodeHash", new { deviceCodeHash }, cancellationToken);

    public async Task<bool> DecideAsync(string id, DeviceApproval? approval, DateTimeOffset now, CancellationToken cancellationToken) =>
        await WriteAsync(
            """
            UPDATE device_authorizations SET state = @state, user_id = @UserId, session_id = @SessionId, auth_time = @AuthTime, amr = @Amr, granted = @Granted
            WHERE id = @id AND state = 'pending' AND expires_at > @now
            """,
            new
            {
                id,
                state = approval is null ? "denied" : "approved",
                now = now.Milliseconds(),
                approval?.UserId,
                approval?.SessionId,
                AuthTime = approval?.AuthTime.ToUnixTimeSeconds(),
                Amr = approval is null ? null : Words.Join(approval.Amr),
                Granted = approval is null ? null : Words.Join(approval.Scopes),
            }, cancellationToken) == 1;

    public async Task<bool> TryRedeemAsync(string deviceCodeHash, DateTimeOffset now, CancellationToken cancellationToken) =>
        await WriteAsync(
            "UPDATE device_authorizations SET state = 'redeemed' WHERE device_code_hash = @deviceCodeHash AND state = 'approved' AND expires_at > @now",
            new { deviceCodeHash, now = now.Milliseconds() }, cancellationToken) == 1;

    public async Task<bool> PolledTooEarlyAsync(string deviceCodeHash, TimeSpan slack, TimeSpan penalty, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var parameters = new { deviceCodeHash, now = now.Milliseconds(), slack = (long)slack.TotalMilliseconds, penalty = (long)penalty.TotalMilliseconds };
        var early = await WriteAsync(
            """
            UPDATE device_authorizations SET poll_interval = poll_interval + @penalty, polled_at = @now
            WHERE device_code_hash = @deviceCodeHash AND polled_at > @now - poll_interval + @slack
            """, parameters, cancellationToken) == 1;
        if (!early) await WriteAsync("UPDATE device_authorizations SET polled_at = @now WHERE device_code_hash = @deviceCodeHash", parameters, cancellationToken);
        return early;
    }

    private async Task<DeviceCode?> OneAsync(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        return row?.ToCode();
    }

    private Task<int> WriteAsync(string sql, object parameters, CancellationToken cancellationToken) =>
        database.WriteAsync((connection, transaction) =>
            connection.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken)), cancellationToken);

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string ZoneId { get; init; } = "";
        public string ClientId { get; init; } = "";
        public string Scopes { get; init; } = "";
        public string Resources { get; init; } = "";
        public string? Address { get; init; }
        public string State { get; init; } = "";
        public long PollInterval { get; init; }
        public string? UserId { get; init; }
        public string? SessionId { get; init; }
        public long? AuthTime { get; init; }
        public string? Amr { get; init; }
        public string? Granted { get; init; }
        public long CreatedAt { get; init; }
        public long ExpiresAt { get; init; }

        public DeviceCode ToCode() => new()
        {
            Id = Id,
            ZoneId = ZoneId,
            ClientId = ClientId,
            Scopes = Words.Split(Scopes),
            Resources = Words.Split(Resources),
            Address = Address,
            State = Enum.Parse<DeviceState>(State, ignoreCase: true),
            Interval = TimeSpan.FromMilliseconds(PollInterval),
            CreatedAt = CreatedAt.At(),
            ExpiresAt = ExpiresAt.At(),
            Approval = UserId is null ? null
                : new DeviceApproval(UserId, SessionId!, DateTimeOffset.FromUnixTimeSeconds(AuthTime!.Value), Words.Split(Amr), Words.Split(Granted)),
        };
    }
}
