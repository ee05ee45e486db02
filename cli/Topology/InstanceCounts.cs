using System.Globalization;

namespace SecureMesh.Cli.Topology;

/// <summary>How many processes of each service: <c>account=2,auth=2</c>; a service not named has one.</summary>
internal sealed record InstanceCounts(IReadOnlyDictionary<ServiceKind, int> Counts)
{
    public const int Most = 16;

    public static readonly InstanceCounts One = new(new Dictionary<ServiceKind, int>());

    public int Of(ServiceKind kind) => Counts.GetValueOrDefault(kind, 1);

    public override string ToString() => string.Join(',', Counts.Select(c => $"{c.Key.Name}={c.Value}"));

    /// <returns>The counts, or null with what is wrong in <paramref name="error"/>.</returns>
    public static InstanceCounts? Parse(string text, out string? error)
    {
        var counts = new Dictionary<ServiceKind, int>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var kind = equals < 0 ? null : ServiceKind.Find(part[..equals].Trim());
            error = equals < 0 ? $"'{part}' is not SERVICE=COUNT."
                : kind is null ? $"there is no service '{part[..equals]}'; there are {Replicable}."
                : !int.TryParse(part.AsSpan(equals + 1).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is < 1 or > Most
                    ? $"'{part[(equals + 1)..]}' is not a number of instances from 1 to {Most}."
                : count > 1 && !kind.Replicable ? $"{kind.Name} keeps its state in memory and runs once; more than one are possible of {Replicable}."
                : counts.TryAdd(kind, count) ? null
                : $"{kind.Name} is named twice.";
            if (error is not null) return null;
        }

        error = counts.Count == 0 ? "a list like account=2,auth=2 is expected." : null;
        return error is null ? new InstanceCounts(counts) : null;
    }

    private static string Replicable => string.Join(", ", ServiceKind.All.Where(k => k.Replicable).Select(k => k.Name));
}
