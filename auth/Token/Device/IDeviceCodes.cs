namespace SecureMesh.Auth.Token.Device;

internal enum DeviceState
{
    Pending,
    Approved,
    Denied,
    Redeemed,
}

/// <summary>One device authorization as stored.</summary>
internal sealed record DeviceCode
{
    public required string Id { get; init; }
    public required string ZoneId { get; init; }
    public required string ClientId { get; init; }
    public required IReadOnlyList<string> Scopes { get; init; }
    public required IReadOnlyList<string> Resources { get; init; }
    public string? Address { get; init; }
    public DeviceState State { get; init; }
    public required TimeSpan Interval { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Who allowed it; null until then.</summary>
    public DeviceApproval? Approval { get; init; }
}

/// <summary>The decision of a person.</summary>
/// <param name="UserId">Who.</param>
/// <param name="SessionId">In which session; its end ends the tokens.</param>
/// <param name="AuthTime">When the person had signed in.</param>
/// <param name="Amr">How.</param>
/// <param name="Scopes">What is allowed.</param>
internal sealed record DeviceApproval(string UserId, string SessionId, DateTimeOffset AuthTime, IReadOnlyList<string> Amr, IReadOnlyList<string> Scopes);

/// <summary>The device authorizations of all zones, found by the hashes of their codes.</summary>
internal interface IDeviceCodes
{
    /// <returns>False when the user code is another one's.</returns>
    Task<bool> TryAddAsync(DeviceCode code, string deviceCodeHash, string userCodeHash, CancellationToken cancellationToken);

    /// <summary>How many wait that were asked for from this address.</summary>
    Task<long> PendingAsync(string zoneId, string address, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>The one that waits under this user code.</summary>
    Task<DeviceCode?> FindPendingAsync(string zoneId, string userCodeHash, DateTimeOffset now, CancellationToken cancellationToken);

    Task<DeviceCode?> FindAsync(string deviceCodeHash, CancellationToken cancellationToken);

    /// <summary>Decides in one conditional write; <paramref name="approval"/> null denies.</summary>
    /// <returns>False when it does not wait any more.</returns>
    Task<bool> DecideAsync(string id, DeviceApproval? approval, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Takes an approved one in one conditional write: at most one caller succeeds.</summary>
    Task<bool> TryRedeemAsync(string deviceCodeHash, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Notes a poll; one that came within the interval (less <paramref name="slack"/>) makes it longer for good.</summary>
    /// <returns>True when it came too early.</returns>
    Task<bool> PolledTooEarlyAsync(string deviceCodeHash, TimeSpan slack, TimeSpan penalty, DateTimeOffset now, CancellationToken cancellationToken);
}
