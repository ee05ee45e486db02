using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using IPNetwork = System.Net.IPNetwork;

namespace SecureMesh.Sdk;

/// <summary>Whose word on the caller's address and scheme counts: loopback and the listed networks, one hop, nobody else.</summary>
internal static class ForwardedSlice
{
    public static void AddForwarded(this WebApplicationBuilder builder) =>
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<MeshOptions>>((options, mesh) =>
        {
            options.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            options.ForwardLimit = 1;
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            options.KnownIPNetworks.Add(IPNetwork.Parse("127.0.0.0/8"));
            options.KnownIPNetworks.Add(IPNetwork.Parse("::1/128"));
            foreach (var network in Networks(mesh.Value.TrustedProxies) ?? []) options.KnownIPNetworks.Add(network);
        });

    /// <returns>Null when an entry is neither a network nor an address.</returns>
    public static IReadOnlyList<IPNetwork>? Networks(string text)
    {
        var networks = new List<IPNetwork>();
        foreach (var entry in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (IPNetwork.TryParse(entry, out var network)) networks.Add(network);
            else if (IPAddress.TryParse(entry, out var address)) networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else return null;
        }
        return networks;
    }
}
