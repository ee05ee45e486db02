using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Sdk;

/// <summary>By what callers are told apart who show nothing: one holds a whole IPv6 /64, a home or a machine; an IPv4 address stays one however it is written.</summary>
public static class CallerNetwork
{
    /// <summary>A number that is the same for every address of one caller.</summary>
    /// <param name="address">The address of the connection; null, which no other shares, when there is none.</param>
    /// <returns>The network; IPv4 addresses never share one with an IPv6 address.</returns>
    public static UInt128 Of(IPAddress? address)
    {
        if (address is null) return 0;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) bytes[8..].Clear();
        else bytes[15] = 4; // apart from the IPv6 networks that begin with the same bytes
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
