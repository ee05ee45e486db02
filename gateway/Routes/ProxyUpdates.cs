using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;
using Yarp.ReverseProxy.Configuration;

namespace SecureMesh.Gateway.Routes;

/// <summary>Gives the proxy a new configuration when the routes or the registry's instances changed, and only then.</summary>
internal sealed partial class ProxyUpdates(
    RouteTable table, IServiceRegistry registry, InMemoryConfigProvider proxy, IOptionsMonitor<ForwardingOptions> options,
    TimeProvider time, ILogger<ProxyUpdates> logger) : BackgroundService
{
    /// <summary>A burst of registrations is one change of configuration.</summary>
    private static readonly TimeSpan _burst = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _changed = new(0, 1);
    private IReadOnlyList<Route>? _routes;
    private IReadOnlyList<ClusterConfig> _clusters = [];
    private string? _failure;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        TryUpdate(); // before the first request
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        base.Dispose();
        _changed.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var routes = ChangeToken.OnChange(table.Watch, Signal);
        using var instances = ChangeToken.OnChange(registry.Watch, Signal);
        Signal(); // what changed between the start and the watching
        while (!stoppingToken.IsCancellationRequested)
        {
            await _changed.WaitAsync(stoppingToken);
            await Task.Delay(_burst, time, stoppingToken);
            if (TryUpdate()) continue;
            // Nobody may change anything for a long time, so it tries again by itself.
            await Task.Delay(_again, time, stoppingToken);
            Signal();
        }
    }

    /// <summary>Puts what changed in force; whatever goes wrong, the old configuration serves on.</summary>
    private bool TryUpdate()
    {
        try
        {
            Update();
            _failure = null;
            return true;
        }
        catch (Exception e)
        {
            // Once, not at every try.
            if (_failure != e.Message) Log.UpdateFailed(logger, e);
            _failure = e.Message;
            return false;
        }
    }

    private void Signal()
    {
        try
        {
            if (_changed.CurrentCount == 0) _changed.Release();
        }
        catch (Exception e) when (e is SemaphoreFullException or ObjectDisposedException)
        {
            // Somebody else has signalled, or the gateway stops.
        }
    }

    private void Update()
    {
        var routes = table.Current;
        var snapshot = registry.Current;
        var clusters = ProxyRoutes.ToClusters(routes, snapshot, options.CurrentValue.IdleTimeout);
        if (ReferenceEquals(routes, _routes) && clusters.SequenceEqual(_clusters)) return;
        foreach (var instance in snapshot.Instances.Where(instance => instance.Status == "UP" && !ProxyRoutes.IsUsable(instance)))
            Log.Skipped(logger, instance.Id);
        proxy.Update([.. routes.Select(ProxyRoutes.ToProxy)], clusters);
        (_routes, _clusters) = (routes, clusters);
        foreach (var cluster in clusters) Log.Changed(logger, cluster.ClusterId, cluster.Destinations!.Count);
    }

    private static partial class Log
    {
        [LoggerMessage(EventIds.DestinationsChanged, LogLevel.Information, "{Service} has {Count} instances")]
        public static partial void Changed(ILogger logger, string service, int count);

        [LoggerMessage(EventIds.DestinationSkipped, LogLevel.Warning, "The instance {Instance} is UP at an address that is no http or https URL and gets no requests")]
        public static partial void Skipped(ILogger logger, string instance);

        [LoggerMessage(EventIds.UpdateFailed, LogLevel.Error, "The changed routes or instances could not be put in force; the old ones stay")]
        public static partial void UpdateFailed(ILogger logger, Exception exception);
    }
}
