using System.Collections.Frozen;
using System.Globalization;
using Microsoft.Extensions.Options;

namespace SecureMesh.Gateway.Hygiene;

/// <summary>Whom the gateway answers as and whom it believes; section <c>gateway</c>.</summary>
internal sealed class HygieneOptions
{
    private static readonly char[] _separators = [',', ' '];
    private static readonly string[] _local = ["localhost", "127.0.0.1", "[::1]"];
    private FrozenSet<string>? _served;

    /// <summary>Public base URL; its host is served.</summary>
    public string Url { get; set; } = "http://localhost:8080";

    /// <summary>Further host names that are served, without port, separated by commas; loopback names always are.</summary>
    public string Hosts { get; set; } = "";

    public static bool IsLocal(string host) => _local.Contains(host, StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether the gateway answers under the name.</summary>
    /// <param name="host">As the header has it, with or without a port.</param>
    public bool Serves(string host)
    {
        var colon = host.LastIndexOf(':');
        if (colon <= host.LastIndexOf(']')) colon = host.Length;
        // Any port: which one a proxy in front listens on is not known here. Services may write it into links, so it must be one.
        if (colon + 1 < host.Length && (!ushort.TryParse(host.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)) return false;
        return (_served ??= Served()).GetAlternateLookup<ReadOnlySpan<char>>().Contains(host.AsSpan(0, colon));
    }

    private FrozenSet<string> Served()
    {
        string[] own = Uri.TryCreate(Url, UriKind.Absolute, out var url) ? [url.Host] : [];
        return FrozenSet.ToFrozenSet([.. _local, .. own, .. Hosts.Split(_separators, StringSplitOptions.RemoveEmptyEntries)], StringComparer.OrdinalIgnoreCase);
    }
}

internal sealed class HygieneOptionsValidator : IValidateOptions<HygieneOptions>
{
    public ValidateOptionsResult Validate(string? name, HygieneOptions options) =>
        Uri.TryCreate(options.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"gateway:url must be the public http or https URL of the gateway, not '{options.Url}'.");
}
