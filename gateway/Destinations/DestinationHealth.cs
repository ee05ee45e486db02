using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SecureMesh.Gateway.Destinations;

/// <summary>Component <c>destinations</c>: which instances are out of service here, and why.</summary>
internal sealed class DestinationHealth(InstanceLists lists, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var services = lists.All.OrderBy(service => service.Name, StringComparer.Ordinal).ToList();
        var ejected = new List<string>();
        var drained = new List<string>();
        foreach (var service in services)
        {
            var selection = service.Selection;
            ejected.AddRange(selection.All.Where(instance => instance.Standing.Outage is not null).Select(instance => Words(service, selection, instance)));
            drained.AddRange(selection.All.Where(instance => instance.Weight == 0).Select(instance => $"{service.Name} {instance.Id}"));
        }
        var open = services.Where(service => service.Selection.IsOpen).Select(service => service.Name).ToList();
        var data = new Dictionary<string, object> { ["instances"] = services.Sum(service => service.Selection.All.Length) };
        if (ejected.Count > 0) data["ejected"] = ejected;
        if (drained.Count > 0) data["drained"] = drained;
        if (open.Count > 0) data["open"] = open;
        return Task.FromResult(ejected.Count > 0 ? HealthCheckResult.Degraded(data: data) : HealthCheckResult.Healthy(data: data));
    }

    private string Words(Service service, Selection selection, Instance instance)
    {
        if (instance.Standing.Outage is not { } outage) return $"{service.Name} {instance.Id}";
        var left = Math.Max(0, Math.Ceiling((outage.Until - time.GetElapsedTime(0)).TotalSeconds));
        // More than half would be out: it gets requests all the same.
        var state = !selection.Ejected.Contains(instance) ? "kept, too many are out" : left > 0 ? $"tried again in {left.ToString(CultureInfo.InvariantCulture)} s" : "tried by the next request";
        return $"{service.Name} {instance.Id}: {Outliers.Words(outage.Trouble)}, {state}";
    }
}
