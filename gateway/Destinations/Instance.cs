using System.Globalization;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Destinations;

/// <summary>One running copy of a service as this gateway knows it: where it is, what its metadata say, and how it has fared here.</summary>
/// <param name="id">Instance id.</param>
/// <param name="address">Scheme, host and port.</param>
/// <param name="metadata">The registration's own entries.</param>
/// <param name="standing">How it has fared, when it is known already: changed metadata forget nothing.</param>
/// <param name="registeredAt">When it registered; another time is another start of the program.</param>
internal sealed class Instance(string id, Uri address, IReadOnlyDictionary<string, string> metadata, Standing? standing = null, long? registeredAt = null)
{
    private const int Most = 100;

    /// <summary>
    /// What a weight counts as that nobody can read. Whoever wrote 0.1 or 10% wants a canary and by no means a full share; with
    /// none at all a typing error would take a service away whose last instance it is.
    /// </summary>
    private const int Least = 1;

    public string Id => id;

    public Uri Address => address;

    public long? RegisteredAt => registeredAt;

    /// <summary>What a request's path is put behind.</summary>
    public string Prefix { get; } = address.AbsoluteUri.TrimEnd('/');

    public bool IsTls { get; } = address.Scheme == Uri.UriSchemeHttps;

    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Metadata <c>weight</c>, 0 to 100: its share of the traffic beside the others; 0 drains it.</summary>
    public int Weight { get; } = metadata.TryGetValue("weight", out var text) ? ReadWeight(text) : Most;

    /// <summary>What stands there in place of a weight; null when one stands there, or nothing.</summary>
    public string? UnusableWeight { get; } = metadata.TryGetValue("weight", out var text) && !IsWeight(text, out _) ? text : null;

    /// <summary>Metadata <c>zone</c>.</summary>
    public string? Zone { get; } = metadata.GetValueOrDefault("zone");

    /// <summary>Metadata <c>protocol</c>: true for <c>h2</c> and <c>h2c</c>; null when it does not say.</summary>
    public bool? Http2 { get; } = metadata.GetValueOrDefault("protocol") switch { "h2" or "h2c" => true, "http/1.1" => false, _ => null };

    public Standing Standing { get; } = standing ?? new();

    /// <summary>One bad registration must not cost the others their place.</summary>
    public static bool IsUsable(ServiceInstance instance) =>
        instance.Address is { IsAbsoluteUri: true, Host.Length: > 0 } address && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps);

    /// <summary>More than all is all, however large the number.</summary>
    private static int ReadWeight(string text) =>
        IsWeight(text, out var weight) ? weight : text.Length > 0 && text.All(char.IsAsciiDigit) ? Most : Least;

    private static bool IsWeight(string text, out int weight) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out weight) && weight <= Most;
}
