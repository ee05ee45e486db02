namespace SecureMesh.Gateway.Destinations;

/// <summary>Which instance gets a request.</summary>
internal sealed class Balancer(TimeProvider time)
{
    /// <summary>The instance for the next try; null when there is none that was not tried.</summary>
    /// <param name="service">Where the request goes.</param>
    /// <param name="pins">What the route asks of the instance; null for nothing.</param>
    /// <param name="tried">Instances that this request has been at; null for none.</param>
    /// <param name="probe">True: the instance is ejected, and this request finds out whether it is back. Its end must be told.</param>
    public Instance? Choose(Service service, InstancePins? pins, List<Instance>? tried, out bool probe)
    {
        probe = false;
        var selection = service.For(pins);
        if (tried is null && selection.Only is { } only) return only;
        if (selection.Ejected.Length > 0 && Probe(selection.Ejected, tried, early: selection.IsOpen) is { } due)
        {
            probe = true;
            return due;
        }
        if ((selection.Near.Draw(tried) ?? selection.Available.Draw(tried)) is { } instance) return instance;
        // Better one that failed a moment ago than none: it may be back, and nobody else is there.
        if (tried is null || selection.Ejected.Length == 0 || Probe(selection.Ejected, tried, early: true) is not { } last) return null;
        probe = true;
        return last;
    }

    /// <summary>An instance in service that was not tried; null when there is none.</summary>
    public static Instance? Another(Service service, InstancePins? pins, List<Instance> tried)
    {
        var selection = service.For(pins);
        return selection.Near.Draw(tried) ?? selection.Available.Draw(tried);
    }

    private Instance? Probe(Instance[] ejected, List<Instance>? tried, bool early)
    {
        var now = time.GetElapsedTime(0);
        foreach (var instance in ejected)
        {
            if (tried?.Contains(instance) == true) continue;
            if ((early || instance.Standing.Outage is not { } outage || outage.Until <= now) && instance.Standing.TryProbe(now)) return instance;
        }
        return null;
    }
}
