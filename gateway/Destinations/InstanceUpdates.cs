using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>Takes over the registry's changes as they come; what cannot be taken is tried again, and the old lists serve on.</summary>
internal sealed partial class InstanceUpdates(InstanceLists lists, IServiceRegistry registry, TimeProvider time, ILogger<InstanceUpdates> logger) : BackgroundService
{
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _changed = new(0, 1);
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
        using var instances = ChangeToken.OnChange(registry.Watch, Signal);
        Signal(); // what changed between the start and the watching
        while (!stoppingToken.IsCancellationRequested)
        {
            await _changed.WaitAsync(stoppingToken);
            if (TryUpdate()) continue;
            // Nobody may change anything for a long time, so it tries again by itself.
            await Task.Delay(_again, time, stoppingToken);
            Signal();
        }
    }

    private bool TryUpdate()
    {
        try
        {
            lists.Update();
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

    private static partial class Log
    {
        [LoggerMessage(EventIds.UpdateFailed, LogLevel.Error, "The changed instances could not be taken over; the old ones stay")]
        public static partial void UpdateFailed(ILogger logger, Exception exception);
    }
}
