using System.Net;

namespace SecureMesh.Gateway.Access;

/// <summary>
/// How many credentials that nobody knew may be asked about at the same time, in all and from one address, so that whoever
/// brings many bad ones takes neither auth from all nor the turns of other addresses.
/// </summary>
internal sealed class Turns(int inAll, int ofOneAddress)
{
    private const int PrefixBytes = 8; // a home or a machine has one /64
    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, int> _taken = [];
    private int _all;

    /// <summary>Takes a turn.</summary>
    /// <returns>False when there is none left; otherwise <see cref="Leave"/> gives it back.</returns>
    public bool TryEnter(IPAddress? address)
    {
        var key = Key(address);
        lock (_gate)
        {
            var taken = _taken.GetValueOrDefault(key);
            if (_all >= inAll || taken >= ofOneAddress) return false;
            _all++;
            _taken[key] = taken + 1;
            return true;
        }
    }

    public void Leave(IPAddress? address)
    {
        var key = Key(address);
        lock (_gate)
        {
            _all--;
            if (--_taken[key] == 0) _taken.Remove(key);
        }
    }

    private static IPAddress Key(IPAddress? address)
    {
        if (address is null) return IPAddress.None;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6) return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(PrefixBytes).Clear();
        return new IPAddress(bytes);
    }
}
