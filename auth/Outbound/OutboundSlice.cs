using System.Net;
using Microsoft.Extensions.DependencyInjection.Extensions;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Outbound;

internal static class OutboundSlice
{
    public static WebApplicationBuilder AddOutbound(this WebApplicationBuilder builder)
    {
        builder.AddCurrentOptions<OutboundOptions, OutboundOptionsValidator>("auth:outbound");
        builder.Services.TryAddSingleton<HostLookup>(_ => static (host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken));
        builder.Services.AddSingleton<OutboundClient>();
        return builder;
    }
}
