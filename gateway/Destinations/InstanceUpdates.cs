using Microsoft.Extensions.Primitives;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>Takes over the registry's changes as they come; what cannot be taken is tried again, and the old lists serve on.</summary>
internal sealed partial class InstanceUpdates(InstanceLists lists, IServiceRegistry registry, TimeProvider time, ILogger<InstanceUpdates> logger) : BackgroundService
{
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _changed = new(0, 1);
    // Where anybody may register, anybody could fill the log.
    private readonly LogBudget _weights = new(5, count => Log.MoreWeightsUnusable(logger, count));
    private HashSet<(string Instance, string Weight)> _said = [];
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
        _weights.Dispose();
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
            SayWeights();
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

    /// <summary>Each that cannot be used once, for as long as it stands there.</summary>
    private void SayWeights()
    {
        var unusable = new HashSet<(string, string)>();
        foreach (var instance in lists.All.SelectMany(service => service.Selection.All))
        {
            if (instance.UnusableWeight is not { } weight || !unusable.Add((instance.Id, weight)) || _said.Contains((instance.Id, weight))) continue;
            if (_weights.TryTake()) Log.WeightUnusable(logger, instance.Id, weight.Length > 40 ? weight[..40] + "…" : weight, instance.Weight);
        }
        _said = unusable;
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

        [LoggerMessage(EventIds.WeightUnusable, LogLevel.Warning, "The instance {Instance} has the weight '{Weight}', which is no whole number from 0 to 100; it counts as {Counts}")]
        public static partial void WeightUnusable(ILogger logger, string instance, string weight, int counts);

        [LoggerMessage(EventIds.MoreWeightsUnusable, LogLevel.Warning, "{Count} more instances have a weight that is no whole number from 0 to 100")]
        public static partial void MoreWeightsUnusable(ILogger logger, long count);
    }
}
