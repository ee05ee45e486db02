using System.Globalization;

namespace SecureMesh.Gateway.Limits;

/// <summary>A token bucket: so many requests at once, refilled evenly over the period.</summary>
internal sealed record RateLimit(int Requests, TimeSpan Period)
{
    /// <summary>As an operator writes it.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Requests}/{(Period.TotalSeconds switch { < 60 => "second", < 3600 => "minute", _ => "hour" })}");

    /// <summary>Reads <c>60/minute</c>; null when it is none.</summary>
    public static RateLimit? Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !int.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var requests)) return null;
        TimeSpan? period = text[(slash + 1)..] switch
        {
            "second" => TimeSpan.FromSeconds(1),
            "minute" => TimeSpan.FromMinutes(1),
            "hour" => TimeSpan.FromHours(1),
            _ => null,
        };
        return period is { } known && requests > 0 ? new RateLimit(requests, known) : null;
    }
}
