using System.Collections.Concurrent;

namespace SecureMesh.Gateway.Destinations;

/// <summary>
/// Which instances of a service get requests at the moment: worked out when something changes, so that a request has only to
/// draw.
/// </summary>
internal sealed class Selection
{
    private readonly Instance[] _all;
    private readonly string? _zone;
    private readonly ConcurrentDictionary<string, Selection> _pinned = new(StringComparer.Ordinal);

    public Selection(Instance[] all, string? zone, InstancePins? pins = null)
    {
        (_all, _zone) = (all, zone);
        var eligible = all.Where(instance => instance.Weight > 0 && pins?.Match(instance.Metadata) != false).ToArray();
        // Read once: it may change while this looks.
        var outages = eligible.Select(instance => (Instance: instance, instance.Standing.Outage)).Where(pair => pair.Outage is not null).ToArray();
        HasAny = eligible.Length > 0;
        IsOpen = HasAny && outages.Length == eligible.Length && outages.All(pair => pair.Outage!.Trouble != Trouble.Erring);
        Ejected = IsOpen ? eligible : Eject(outages, eligible.Length / 2);
        var available = eligible.Except(Ejected).ToArray();
        Available = new Pot(available);
        var near = zone is null ? [] : available.Where(instance => instance.Zone == zone).ToArray();
        Near = near.Length > 0 && near.Length < available.Length ? new Pot(near) : Available;
        Only = Ejected.Length == 0 ? Near.Only : null;
    }

    /// <summary>What the registry lists.</summary>
    public Instance[] All => _all;

    /// <summary>The one that gets everything; null when there is something to choose.</summary>
    public Instance? Only { get; }

    /// <summary>Those of the gateway's own zone, or all available ones when none is there.</summary>
    public Pot Near { get; }

    public Pot Available { get; }

    /// <summary>Those that get no requests but the one that finds out whether they are back.</summary>
    public Instance[] Ejected { get; }

    /// <summary>True: no instance can be reached or answers, and requests are refused but for the ones that find out.</summary>
    public bool IsOpen { get; }

    /// <summary>True when there are instances that may get requests, in whatever state.</summary>
    public bool HasAny { get; }

    /// <summary>Why a request finds nobody.</summary>
    /// <param name="isPinned">It looks for instances with the metadata of its route.</param>
    public string WhyNobody(bool isPinned) =>
        IsOpen ? "every instance of the service fails, and others are finding out whether one is back"
        : isPinned ? "no instance of the service has the route's metadata"
        : "every instance of the service is drained (weight 0)";

    /// <summary>The selection among the instances that a route is pinned to.</summary>
    public Selection For(InstancePins pins) => _pinned.TryGetValue(pins.Text, out var known) ? known : _pinned.GetOrAdd(pins.Text, new Selection(_all, _zone, pins));

    /// <summary>
    /// Whoever cannot be reached is no use at all. Of the others at most half may be missing in all: when more of them fail it is
    /// not they who are ill, and the few that are left would fall over next.
    /// </summary>
    private static Instance[] Eject((Instance Instance, Outage? Outage)[] outages, int most)
    {
        var unreachable = outages.Where(pair => pair.Outage!.Trouble == Trouble.Unreachable).Select(pair => pair.Instance).ToArray();
        var others = outages.Where(pair => pair.Outage!.Trouble != Trouble.Unreachable)
            .OrderBy(pair => pair.Outage!.Trouble).ThenBy(pair => pair.Outage!.Since)
            .Select(pair => pair.Instance).Take(Math.Max(0, most - unreachable.Length));
        return [.. unreachable, .. others];
    }
}

/// <summary>Metadata that an instance must have to get the requests of a route.</summary>
internal sealed class InstancePins(IReadOnlyDictionary<string, string> pins)
{
    /// <summary>Equal for pins that are equal.</summary>
    public string Text { get; } = string.Join('\n', pins.OrderBy(pin => pin.Key, StringComparer.Ordinal).Select(pin => pin.Key + "=" + pin.Value));

    public bool Match(IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (name, value) in pins)
        {
            if (!metadata.TryGetValue(name, out var own) || own != value) return false;
        }
        return true;
    }
}
