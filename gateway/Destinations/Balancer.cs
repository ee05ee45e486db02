namespace SecureMesh.Gateway.Destinations;

/// <summary>Which instance gets a request: of two drawn by lot the one with less to do.</summary>
internal sealed class Balancer(InstanceLists lists, TimeProvider time)
{
    /// <summary>The instance for the next try; null when there is none that was not tried.</summary>
    /// <param name="service">Wire name.</param>
    /// <param name="tried">Instances that this request has been at; null for none.</param>
    public Instance? Choose(string service, List<Instance>? tried)
    {
        var all = lists.Of(service);
        if (all.Length == 1 && tried is null) return all[0];
        if (all.Length == 0) return null;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        // Better one that failed a moment ago than none: it may be back, and nobody else is there.
        return Draw(all, tried, now) ?? Draw(all, tried, null);
    }

    private static Instance? Draw(Instance[] all, List<Instance>? tried, long? avoidAt)
    {
        var first = Pick(all, tried, avoidAt, null);
        if (first is null) return null;
        var second = Pick(all, tried, avoidAt, first);
        return second is null || first.InFlight <= second.InFlight ? first : second;
    }

    /// <summary>From a random place on, the first one that may be had.</summary>
    private static Instance? Pick(Instance[] all, List<Instance>? tried, long? avoidAt, Instance? not)
    {
        var start = Lot.Below(all.Length);
        for (var i = 0; i < all.Length; i++)
        {
            var instance = all[(start + i) % all.Length];
            if (instance != not && tried?.Contains(instance) != true && (avoidAt is not { } now || !instance.IsAvoided(now))) return instance;
        }
        return null;
    }
}
