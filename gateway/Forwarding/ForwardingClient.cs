using System.Text;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Forwarder;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>The connections to the services.</summary>
internal sealed class ForwardingClient : IDisposable
{
    /// <summary>How long connecting may take before another instance is tried.</summary>
    private static readonly TimeSpan _connect = TimeSpan.FromSeconds(2);

    private volatile ForwarderRequestConfig _config;
    private readonly IDisposable? _watch;

    public ForwardingClient(IOptionsMonitor<ForwardingOptions> options)
    {
        _config = Config(options.CurrentValue);
        _watch = options.OnChange(changed => _config = Config(changed));
        Invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
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

    /// <summary>Silence after the response headers; before them the route's own time counts, so this is never shorter.</summary>
    public ForwarderRequestConfig For(TimeSpan routeTimeout)
    {
        var config = _config;
        return routeTimeout < config.ActivityTimeout ? config : config with { ActivityTimeout = routeTimeout + TimeSpan.FromSeconds(1) };
    }

    public void Dispose()
    {
        _watch?.Dispose();
        Invoker.Dispose();
    }

    private static ForwarderRequestConfig Config(ForwardingOptions options) => new()
    {
        ActivityTimeout = options.IdleTimeout,
        Version = System.Net.HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
    };
}
