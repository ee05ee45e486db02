using System.Diagnostics;
using System.Net;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Listening;

/// <summary>
/// Refuses who comes unencrypted over a network without being a listed proxy: a port that is open for the proxy in front is
/// open for everybody on its network, and tokens must not travel there in the clear.
/// </summary>
internal sealed partial class PlainCallers(IConfiguration configuration, LocalAddresses local, TimeProvider time, ILogger<PlainCallers> logger) : IStartupFilter
{
    private static readonly TimeSpan _sayEvery = TimeSpan.FromSeconds(10);
    private readonly IReadOnlyList<IPNetwork> _proxies = TrustedProxies.Read(configuration);
    private readonly Lock _gate = new();
    private long? _said;
    private int _unsaid;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(following => http => InvokeAsync(http, following));
        next(app);
    };

    private Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Request.IsHttps || IsServed(http.Connection.RemoteIpAddress)) return next(http);
        Say(http.Connection.RemoteIpAddress);
        http.TraceIdentifier = ActivityTraceId.CreateRandom().ToHexString(); // before anything gives the request one
        Connections.CloseAfter(http);
        return http.RefuseAsync(new Problem(421, "misdirected_request", "This address is not served without encryption"));
    }

    // No address at all: not a network, but a socket of this machine.
    private bool IsServed(IPAddress? peer) => peer is null || local.Contains(peer) || IsProxy(peer);

    private bool IsProxy(IPAddress peer)
    {
        if (peer.IsIPv4MappedToIPv6) peer = peer.MapToIPv4();
        return _proxies.Any(network => network.Contains(peer));
    }

    /// <summary>Whoever floods the port must not flood the log.</summary>
    private void Say(IPAddress? peer)
    {
        int others;
        lock (_gate)
        {
            if (_said is { } last && time.GetElapsedTime(last) < _sayEvery)
            {
                _unsaid++;
                return;
            }
            _said = time.GetTimestamp();
            (others, _unsaid) = (_unsaid, 0);
        }
        Log.Refused(logger, peer, others);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.PlainCallerRefused, LogLevel.Warning,
            "Refused {Address}: it came without TLS and is not in gateway:trustedProxies ({Others} more since the last such line)")]
        public static partial void Refused(ILogger logger, IPAddress? address, int others);
    }
}

/// <summary>Addresses that never leave this machine: loopback, unless a test plays a network on it.</summary>
/// <param name="Contains">Decides about one address.</param>
internal sealed record LocalAddresses(Func<IPAddress, bool> Contains);
