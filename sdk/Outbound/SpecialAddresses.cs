using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Sdk;

/// <summary>Addresses that are not on the public internet (RFC 6890 and the registries of IANA), in every disguise that reaches them.</summary>
public static class SpecialAddresses
{
    private static readonly IPNetwork[] V4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
            "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(network => IPNetwork.Parse(network)),
    ];

    private static readonly IPNetwork Global = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    // Parts of the global range that are tunnels (Teredo, 6to4: their inner address may be any), documentation or protocol use.
    private static readonly IPNetwork[] NotGlobal =
        [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20" }.Select(network => IPNetwork.Parse(network))];

    /// <summary>True for whatever is not an ordinary public address.</summary>
    /// <param name="address">The address, as a name resolved to it.</param>
    public static bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var plain = Plain(address);
        return plain.AddressFamily == AddressFamily.InterNetwork
            ? V4.Any(network => network.Contains(plain))
            : !Global.Contains(plain) || NotGlobal.Any(network => network.Contains(plain));
    }

    /// <summary>The IPv4 address that is meant by an IPv6 one that only wraps it (RFC 4291 §2.5.5.2, RFC 6052 §2.1).</summary>
    /// <param name="address">The address.</param>
    public static IPAddress Plain(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        // A scope id is no part of the address, and a network does not contain an address with one.
        var bare = new IPAddress(address.GetAddressBytes());
        return Nat64.Contains(bare) ? new IPAddress(bare.GetAddressBytes().AsSpan(12)) : bare;
    }
}
