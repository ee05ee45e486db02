using System.Net;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Device;

/// <summary>What a device is told when it asks to be allowed.</summary>
internal sealed record DeviceCodes(string DeviceCode, string UserCode, TimeSpan Lifetime, TimeSpan Interval);

/// <summary>Makes device and user codes and takes the decisions of people.</summary>
internal sealed class DeviceAuthorizations(
    IDeviceCodes store, IClients clients, Current<DeviceOptions> options, IAudit audit, TimeProvider time) : IDeviceAuthorizations
{
    public const string GrantType = "urn:ietf:params:oauth:grant-type:device_code";

    // K-07: no vowels, so that no words come about, and nothing that is mistaken for a digit.
    private const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";
    private const int UserCodeLength = 8;
    private const string Prefix = "sm_dc_";

    public async Task<Result<DeviceCodes, OAuthError>> StartAsync(
        Client client, IReadOnlyList<string> scopes, IReadOnlyList<string> resources, IPAddress? address, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var from = (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();
        if (from is not null && await store.PendingAsync(client.ZoneId, from, now, cancellationToken) >= options.Value.PendingPerAddress)
            return OAuthError.TooMany(options.Value.Interval, "too many devices of one address wait");
        var code = new DeviceCode
        {
            Id = Entropy.HexId(),
            ZoneId = client.ZoneId,
            ClientId = client.Id,
            Scopes = scopes,
            Resources = resources,
            Address = from,
            Interval = options.Value.Interval,
            CreatedAt = now,
            ExpiresAt = now + options.Value.Lifetime,
        };
        while (true)
        {
            var (deviceCode, userCode) = (Prefix + Entropy.Token(), RandomNumberGenerator.GetString(Alphabet, UserCodeLength));
            if (await store.TryAddAsync(code, Hash(deviceCode), Hash(userCode), cancellationToken))
                return new DeviceCodes(deviceCode, userCode.Insert(4, "-"), options.Value.Lifetime, options.Value.Interval);
        }
    }

    public async Task<DeviceAuthorization?> FindAsync(string userCode, CancellationToken cancellationToken)
    {
        if (Canonical(userCode) is not { } canonical) return null;
        if (await store.FindPendingAsync(Zone.Default, Hash(canonical), time.GetUtcNow(), cancellationToken) is not { } code) return null;
        var client = await clients.FindAsync(code.ZoneId, code.ClientId, cancellationToken);
        // A client that lost the grant meanwhile is not shown: nobody shall allow what cannot be used (V-079).
        if (client is not { Enabled: true } || !client.GrantTypes.Contains(GrantType, StringComparer.Ordinal)) return null;
        return new DeviceAuthorization
        {
            Id = code.Id,
            Client = client,
            Scopes = code.Scopes,
            Resources = code.Resources,
            Address = code.Address,
            CreatedAt = code.CreatedAt,
            ExpiresAt = code.ExpiresAt,
        };
    }

    public async Task<bool> ApproveAsync(DeviceAuthorization device, Session session, User user, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        string[] granted = [.. device.Scopes.Where(scope => scopes.Contains(scope, StringComparer.Ordinal))];
        var approval = new DeviceApproval(user.Id, session.Id, session.AuthTime, session.Amr, granted);
        if (!await store.DecideAsync(device.Id, approval, time.GetUtcNow(), cancellationToken)) return false;
        audit.Record(new AuditEvent("device.approved")
        {
            ClientId = device.Client.Id,
            UserId = user.Id,
            SessionId = session.Id,
            Address = device.Address is null ? null : IPAddress.Parse(device.Address),
            Reason = Words.Join(granted),
        });
        return true;
    }

    public async Task<bool> DenyAsync(DeviceAuthorization device, User user, CancellationToken cancellationToken)
    {
        if (!await store.DecideAsync(device.Id, null, time.GetUtcNow(), cancellationToken)) return false;
        audit.Record(new AuditEvent("device.denied")
        {
            ClientId = device.Client.Id,
            UserId = user.Id,
            Address = device.Address is null ? null : IPAddress.Parse(device.Address),
        });
        return true;
    }

    public static string Hash(string code) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(code)));

    // People type lower case, leave out the dash or put spaces in its place.
    private static string? Canonical(string userCode)
    {
        if (userCode.Length > 4 * UserCodeLength) return null;
        var letters = string.Concat(userCode.Where(c => c != '-' && !char.IsWhiteSpace(c))).ToUpperInvariant();
        return letters.Length == UserCodeLength && letters.All(Alphabet.Contains) ? letters : null;
    }
}
