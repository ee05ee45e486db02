using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>Checks <c>mesh:registry</c>; a lease that ends before it can be renewed would drop every instance.</summary>
internal sealed class RegistryOptionsValidator : IValidateOptions<MeshOptions>
{
    public ValidateOptionsResult Validate(string? name, MeshOptions options)
    {
        var registry = options.Registry;
        if (!registry.Enabled) return ValidateOptionsResult.Success;
        var result = new ValidateOptionsResultBuilder();
        var urls = registry.Url.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (urls.Length == 0 || !urls.All(text => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
            result.AddError("mesh:registry:url must be http or https URLs separated by commas, each ending in /eureka/ (or set mesh:registry:enabled=false).");
        if (Uri.CheckHostName(registry.HostName) == UriHostNameType.Unknown)
            result.AddError($"mesh:registry:hostName must be a host name or address, not '{registry.HostName}'.");
        if (registry.RenewalInterval < TimeSpan.FromMilliseconds(100))
            result.AddError($"mesh:registry:renewalInterval must be at least 100ms, not {registry.RenewalInterval}.");
        if (registry.LeaseDuration <= registry.RenewalInterval)
            result.AddError($"mesh:registry:leaseDuration must be longer than renewalInterval, not {registry.LeaseDuration}.");
        if (registry.FetchInterval < TimeSpan.FromMilliseconds(100))
            result.AddError($"mesh:registry:fetchInterval must be at least 100ms, not {registry.FetchInterval}.");
        if (registry.Drain < TimeSpan.Zero || registry.Drain > TimeSpan.FromSeconds(30))
            result.AddError($"mesh:registry:drain must be between 0 and 30s, not {registry.Drain}.");
        return result.Build();
    }
}
