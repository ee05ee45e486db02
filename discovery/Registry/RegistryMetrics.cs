using System.Diagnostics.Metrics;

namespace SecureMesh.Discovery.Registry;

/// <summary>What is counted; renewals appear here only, they would drown everything else in a log.</summary>
internal sealed class RegistryMetrics
{
    private readonly Meter _meter;
    private readonly Counter<long> _renewals;
    private readonly Counter<long> _expired;
    private readonly Counter<long> _refused;

    public RegistryMetrics(IMeterFactory meters)
    {
        _meter = meters.Create("SecureMesh.Registry");
        _renewals = _meter.CreateCounter<long>("registry.renewals");
        _expired = _meter.CreateCounter<long>("registry.leases.expired");
        _refused = _meter.CreateCounter<long>("registry.refused");
    }

    public void Renewed() => _renewals.Add(1);

    public void Expired() => _expired.Add(1);

    public void Refused() => _refused.Add(1);

    public void Watch(Func<int> instances, Func<int> suspects)
    {
        _meter.CreateObservableGauge("registry.instances", instances);
        _meter.CreateObservableGauge("registry.suspects", suspects);
    }

    public void WatchWaiting(Func<int> waiting) => _meter.CreateObservableGauge("registry.waiting", waiting);
}
