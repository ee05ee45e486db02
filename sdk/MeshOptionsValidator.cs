using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Names all faults at once, each by the setting an operator changes.</summary>
internal sealed class MeshOptionsValidator : IValidateOptions<MeshOptions>
{
    public ValidateOptionsResult Validate(string? name, MeshOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Name.Length == 0 || options.Name.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '.')))
            result.AddError($"mesh:name must be lower case letters, digits, hyphens and dots, not '{options.Name}'.");
        if (!IsHttp(options.Issuer))
            result.AddError($"mesh:issuer must be an http or https URL, not '{options.Issuer}'.");
        var addresses = options.Auth.Addresses();
        if (addresses.Length == 0 || !addresses.All(IsHttp))
            result.AddError($"mesh:auth:url must be http or https URLs separated by commas, not '{options.Auth.Url}'.");
        if (!IsHttp(options.Gateway.Url))
            result.AddError($"mesh:gateway:url must be the public http or https URL of the gateway, not '{options.Gateway.Url}'.");
        if (ForwardedSlice.Networks(options.TrustedProxies) is null)
            result.AddError($"mesh:trustedProxies must be networks or addresses separated by commas, not '{options.TrustedProxies}'.");
        if (options.LoggedSuccessesPerSecond is < 0 or > 1_000_000)
            result.AddError($"mesh:loggedSuccessesPerSecond must be 0 to 1000000, not {options.LoggedSuccessesPerSecond}.");
        if (options.Explain.Kept is < 0 or > 100_000)
            result.AddError($"mesh:explain:kept must be 0 to 100000, not {options.Explain.Kept}.");
        return result.Build();
    }

    private static bool IsHttp(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is ("http" or "https") && parsed.Host.Length > 0;
}
