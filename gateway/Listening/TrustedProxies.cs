using System.Net;
using System.Net.Sockets;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Listening;

/// <summary>The setting <c>gateway:trustedProxies</c>: networks or addresses, separated by commas; nobody by default.</summary>
internal static class TrustedProxies
{
    private static readonly char[] _separators = [',', ' '];

    public static IReadOnlyList<IPNetwork> Read(IConfiguration configuration)
    {
        var texts = (configuration["gateway:trustedProxies"] ?? "").Split(_separators, StringSplitOptions.RemoveEmptyEntries);
        return [.. texts.Select(text => Parse(text)
            ?? throw new MeshStartException($"gateway:trustedProxies must hold networks such as 10.0.0.0/8 or addresses, not '{text}'."))];
    }

    private static IPNetwork? Parse(string text)
    {
        if (IPNetwork.TryParse(text, out var network)) return network;
        if (!IPAddress.TryParse(text, out var address)) return null;
        return new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32);
    }
}
