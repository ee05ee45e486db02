using System.Net;
using System.Text;
using Microsoft.Extensions.Options;
using SecureMesh.Gateway.Destinations;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>The connections to the services.</summary>
internal sealed class ForwardingClient : IDisposable
{
    /// <summary>How long connecting may take before another instance is tried.</summary>
    private static readonly TimeSpan _connect = TimeSpan.FromSeconds(2);

    private volatile Wires _wires;
    private readonly IDisposable? _watch;

    public ForwardingClient(IOptionsMonitor<ForwardingOptions> options)
    {
        _wires = new Wires(options.CurrentValue);
        _watch = options.OnChange(changed => _wires = new Wires(changed));
        Invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            // A machine that vanished says nothing on a connection that streams share.
            KeepAlivePingDelay = TimeSpan.FromSeconds(15),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            // The gateway writes the trace's header itself.
            ActivityHeadersPropagator = null,
            ConnectTimeout = _connect,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30), // below what services keep theirs open
            // Header bytes pass as they came; the default would refuse a service's answer with anything beside ASCII.
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        });
    }

    public HttpMessageInvoker Invoker { get; }

    /// <summary>Silence after the response headers; before them the route's own time counts, so this is never shorter. And the protocol.</summary>
    public ForwarderRequestConfig For(TimeSpan routeTimeout, Instance instance, bool? http2)
    {
        var config = _wires.For(instance, http2);
        return routeTimeout < config.ActivityTimeout ? config : config with { ActivityTimeout = routeTimeout + TimeSpan.FromSeconds(1) };
    }

    public void Dispose()
    {
        _watch?.Dispose();
        Invoker.Dispose();
    }

    /// <summary>How requests are written: the operator says it, else the instance, else TLS negotiates it (ALPN).</summary>
    private sealed class Wires(ForwardingOptions options)
    {
        private readonly ForwarderRequestConfig _http11 = Config(options, HttpVersion.Version11, HttpVersionPolicy.RequestVersionOrLower);
        private readonly ForwarderRequestConfig _negotiated = Config(options, HttpVersion.Version20, HttpVersionPolicy.RequestVersionOrLower);

        /// <summary>Without TLS nobody negotiates: both sides know (RFC 9113 §3.3).</summary>
        private readonly ForwarderRequestConfig _known = Config(options, HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);

        public ForwarderRequestConfig For(Instance instance, bool? http2) => (http2 ?? instance.Http2, instance.IsTls) switch
        {
            (false, _) => _http11,
            (_, true) => _negotiated,
            (true, false) => _known,
            _ => _http11,
        };

        private static ForwarderRequestConfig Config(ForwardingOptions options, Version version, HttpVersionPolicy policy) =>
            new() { ActivityTimeout = options.IdleTimeout, Version = version, VersionPolicy = policy };
    }
}
