using System.Text.Json.Serialization;

namespace SecureMesh.Gateway.Limits;

/// <summary>Token buckets of a route; null means no limit.</summary>
internal sealed record RouteLimits
{
    /// <summary>By the caller's address.</summary>
    public RateLimit? PerAddress { get; init; }

    /// <summary>By <c>sub</c>.</summary>
    public RateLimit? PerSubject { get; init; }

    /// <summary>By <c>client_id</c>.</summary>
    public RateLimit? PerClient { get; init; }

    /// <summary>By nothing: all requests of the route together.</summary>
    public RateLimit? Total { get; init; }

    [JsonIgnore]
    public bool IsEmpty => PerAddress is null && PerSubject is null && PerClient is null && Total is null;

    /// <summary>Value of <c>RateLimit-Policy</c>.</summary>
    [JsonIgnore]
    public string Policy => field ??= string.Join(", ", All().Select(limit => Allowance.Policy(limit.By, limit.Limit)));

    private IEnumerable<(CountedBy By, RateLimit Limit)> All()
    {
        if (PerAddress is { } address) yield return (CountedBy.Address, address);
        if (PerSubject is { } subject) yield return (CountedBy.Subject, subject);
        if (PerClient is { } client) yield return (CountedBy.Client, client);
        if (Total is { } total) yield return (CountedBy.Total, total);
    }
}
