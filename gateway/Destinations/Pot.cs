namespace SecureMesh.Gateway.Destinations;

/// <summary>Instances among which lots are drawn: each weight gets its exact share, and among equals the one with less to do is taken of two.</summary>
internal sealed class Pot
{
    private readonly (Instance[] Instances, int UpTo)[] _groups;
    private readonly int _total;

    public Pot(IEnumerable<Instance> instances)
    {
        var groups = new List<(Instance[], int)>();
        foreach (var group in instances.Where(instance => instance.Weight > 0).GroupBy(instance => instance.Weight))
        {
            var equals = group.ToArray();
            _total += group.Key * equals.Length;
            groups.Add((equals, _total));
        }
        _groups = [.. groups];
    }

    public int Count => _groups.Sum(group => group.Instances.Length);

    /// <summary>The only instance there is; null when there are more or none.</summary>
    public Instance? Only => _groups is [{ Instances: [var only] }] ? only : null;

    /// <summary>An instance that was not tried; null when there is none.</summary>
    public Instance? Draw(List<Instance>? tried)
    {
        var groups = _groups;
        if (groups.Length == 0) return null;
        if (groups.Length == 1) return LessBusy(groups[0].Instances, tried);
        var lot = Lot.Below(_total);
        var at = 0;
        while (groups[at].UpTo <= lot) at++;
        if (LessBusy(groups[at].Instances, tried) is { } instance) return instance;
        // All of this weight were tried: then whoever is left.
        foreach (var group in groups)
        {
            if (LessBusy(group.Instances, tried) is { } other) return other;
        }
        return null;
    }

    private static Instance? LessBusy(Instance[] equals, List<Instance>? tried)
    {
        var first = Pick(equals, tried, null);
        if (first is null || equals.Length == 1) return first;
        var second = Pick(equals, tried, first);
        return second is null || first.Standing.InFlight <= second.Standing.InFlight ? first : second;
    }

    /// <summary>From a random place on, the first one that may be had.</summary>
    private static Instance? Pick(Instance[] all, List<Instance>? tried, Instance? not)
    {
        var start = Lot.Below(all.Length);
        for (var i = 0; i < all.Length; i++)
        {
            var instance = all[(start + i) % all.Length];
            if (instance != not && tried?.Contains(instance) != true) return instance;
        }
        return null;
    }
}
