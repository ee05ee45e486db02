using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace SecureMesh.Discovery.Access;

/// <summary>Addresses that an instance may give. Callers will connect there, so places that no service lives at are refused.</summary>
internal static partial class Addresses
{
    // Metadata services of clouds, which hand credentials to whoever can make a machine ask them.
    private static readonly IPAddress[] Metadata =
    [
        IPAddress.Parse("169.254.169.254"), IPAddress.Parse("100.100.100.200"), IPAddress.Parse("168.63.129.16"),
        IPAddress.Parse("192.0.0.192"), IPAddress.Parse("fd00:ec2::254"),
    ];

    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>A host name or an address that may be registered; loopback is one, a whole mesh lives there.</summary>
    public static bool Allowed(string host)
    {
        var name = host.TrimEnd('.');
        if (name.StartsWith('[') && name.EndsWith(']')) name = name[1..^1];
        if (IPAddress.TryParse(name, out var address)) return Allowed(address);
        return HostPattern().IsMatch(name) && !name.Equals("metadata.google.internal", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>An http(s) link on the instance's own host, without a password in it.</summary>
    public static bool IsOwnUrl(string url, string hostName, string ipAddr) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https"
        && uri.UserInfo.Length == 0
        && (SameHost(uri.Host, hostName) || SameHost(uri.Host, ipAddr));

    private static bool SameHost(string a, string b) => Plain(a).Equals(Plain(b), StringComparison.OrdinalIgnoreCase);

    private static string Plain(string host) => host.TrimEnd('.').Trim('[', ']');

    private static bool Allowed(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return Allowed(address.MapToIPv4());
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            if (Nat64.Contains(address)) return Allowed(new IPAddress(address.GetAddressBytes().AsSpan(12)));
            return !address.IsIPv6LinkLocal && !address.IsIPv6Multicast && !address.IsIPv6SiteLocal
                && !address.Equals(IPAddress.IPv6Any) && !Metadata.Contains(address);
        }
        var bytes = address.GetAddressBytes();
        var (a, b) = (bytes[0], bytes[1]);
        return a is not 0 and < 224 && !(a == 169 && b == 254) && !Metadata.Contains(address);
    }

    [GeneratedRegex(@"\A(?=.{1,253}\z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*\z", RegexOptions.CultureInvariant)]
    private static partial Regex HostPattern();
}
