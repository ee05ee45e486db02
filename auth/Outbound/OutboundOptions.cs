using System.Net;
using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Outbound;

/// <summary>Section <c>auth:outbound</c>.</summary>
internal sealed class OutboundOptions
{
    /// <summary>
    /// Networks (<c>10.0.0.0/8</c>) or addresses, separated by commas, that may be called although they are not on the public
    /// internet, also without TLS. The demo adds loopback.
    /// </summary>
    public string Allow { get; set; } = "";

    public static bool TryParse(string text, out IPNetwork network)
    {
        if (IPNetwork.TryParse(text, out network)) return true;
        if (!IPAddress.TryParse(text, out var address)) return false;
        network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
        return true;
    }

    public IEnumerable<string> Networks() => Allow.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

internal sealed class OutboundOptionsValidator : IValidateOptions<OutboundOptions>
{
    public ValidateOptionsResult Validate(string? name, OutboundOptions options)
    {
        var bad = options.Networks().Where(text => !OutboundOptions.TryParse(text, out _)).ToArray();
        return bad.Length == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"auth:outbound:allow must list networks or addresses, not '{string.Join("', '", bad)}'.");
    }
}
