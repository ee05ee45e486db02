using System.Net;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Limits;

/// <summary>
/// What one address may ask of the slow hashes, and how often it may fail (K-17): nobody takes the sign-ins of all others; and how
/// often one client may fail, so that many addresses together do not guess its secret. In the demo everyone comes from the
/// loopback address, which is exempt there.
/// </summary>
internal sealed class AddressLimits(
    AddressFailures failures, Current<LimitsOptions> limits, IOptions<HashingOptions> hashing, IOptions<MeshOptions> mesh, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int> _underWay = [];
    private readonly AddressFailures _clients = new(time);

    /// <summary>Takes one of the places of the address; dispose it when the work is done.</summary>
    public Result<IDisposable, OAuthError> Enter(IPAddress? address)
    {
        if (Network(address) is not { } network) return new Turn(null, default);
        lock (_gate)
        {
            var others = _underWay.GetValueOrDefault(network);
            if (others >= hashing.Value.PerAddress) return OAuthError.TooMany(TimeSpan.FromSeconds(1), "too many at once from one address");
            _underWay[network] = others + 1;
        }
        return new Turn(this, network);
    }

    /// <summary>Why the address may not try; null when it may.</summary>
    public OAuthError? Refusal(IPAddress? address) =>
        Network(address) is { } network ? Refusal(failures.Wait(network, limits.Value.FailuresPerAddress, limits.Value.Window)) : null;

    /// <summary>Counts an attempt as failed before it is checked: otherwise many at once would all be evaluated.</summary>
    /// <returns>Why the address may not try; null when it may and was counted.</returns>
    public OAuthError? Count(IPAddress? address) =>
        Network(address) is { } network ? Refusal(failures.Add(network, limits.Value.FailuresPerAddress, limits.Value.Window)) : null;

    /// <summary>Counts a request of another kind, in a count of its own; why the address may not make it, null when it may.</summary>
    public OAuthError? Refusal(AddressFailures requests, IPAddress? address, int most, TimeSpan window) =>
        Network(address) is { } network && requests.Add(network, most, window) is var wait && wait > TimeSpan.Zero
            ? new OAuthError(429, "too_many_requests", "Too many requests from your address. Try again later.") { RetryAfter = wait }
            : null;

    /// <summary>Takes back an attempt that was counted and succeeded.</summary>
    public void TakeBack(IPAddress? address)
    {
        if (Network(address) is { } network) failures.TakeBack(network);
    }

    /// <summary>Counts an attempt in the name of a client as failed before it is checked, whether there is such a client or not.</summary>
    /// <returns>Why it may not be tried; null when it may and was counted.</returns>
    public OAuthError? CountClient(string clientId, IPAddress? address)
    {
        if (Network(address) is null) return null;
        var wait = _clients.Add(AddressFailures.Key(clientId), limits.Value.FailuresPerClient, limits.Value.Window);
        if (wait == TimeSpan.Zero) return null;
        TakeBack(address);
        return new OAuthError(429, "too_many_requests", "Too many failed attempts in the name of this client. Try again later.") { RetryAfter = wait };
    }

    /// <summary>Takes back both counts of an attempt that succeeded.</summary>
    public void TakeBackClient(string clientId, IPAddress? address)
    {
        TakeBack(address);
        if (Network(address) is not null) _clients.TakeBack(AddressFailures.Key(clientId));
    }

    private static OAuthError? Refusal(TimeSpan wait) => wait == TimeSpan.Zero ? null : OAuthError.TooMany(wait, "too many failures of one address");

    /// <summary>One caller holds a whole IPv6 /64; an IPv4 address stays one however it is written. Null: exempt.</summary>
    private UInt128? Network(IPAddress? address)
    {
        address ??= IPAddress.Loopback;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (mesh.Value.Demo && IPAddress.IsLoopback(address)) return null;
        return CallerNetwork.Of(address);
    }

    private void Leave(UInt128 network)
    {
        lock (_gate)
            if (--_underWay[network] == 0) _underWay.Remove(network);
    }

    private sealed class Turn(AddressLimits? limits, UInt128 network) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) limits?.Leave(network);
        }
    }
}
