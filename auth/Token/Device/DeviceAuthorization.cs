using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;

namespace SecureMesh.Auth.Token.Device;

/// <summary>A device that waits for a person to allow it (RFC 8628).</summary>
internal sealed record DeviceAuthorization
{
    public required string Id { get; init; }

    /// <summary>As registered now.</summary>
    public required Client Client { get; init; }

    /// <summary>What it asked for; all of the client's when it named none.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    public required IReadOnlyList<string> Resources { get; init; }

    /// <summary>Where the device asked from: a person who did not start it sees a strange address (V-079).</summary>
    public string? Address { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>For the page on which people allow devices. Whoever asks limits the number of tries (D-03).</summary>
internal interface IDeviceAuthorizations
{
    /// <summary>The device of this code, as people type it; null when there is none that waits, or its client may not use the grant any more.</summary>
    Task<DeviceAuthorization?> FindAsync(string userCode, CancellationToken cancellationToken);

    /// <summary>Allows the device these scopes in the name of the person.</summary>
    /// <returns>False when it has been decided or has expired meanwhile.</returns>
    Task<bool> ApproveAsync(DeviceAuthorization device, Session session, User user, IReadOnlyList<string> scopes, CancellationToken cancellationToken);

    /// <summary>Refuses the device.</summary>
    /// <returns>False when it has been decided or has expired meanwhile.</returns>
    Task<bool> DenyAsync(DeviceAuthorization device, User user, CancellationToken cancellationToken);
}
