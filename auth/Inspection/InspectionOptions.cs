using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Inspection;

/// <summary>Section <c>auth:inspection</c>.</summary>
internal sealed class InspectionOptions
{
    /// <summary>How many verified tokens are kept in memory, about 4 KB each, so that a signature is checked once; 0 for none.</summary>
    public int CachedTokens { get; set; } = 10_000;
}

internal sealed class InspectionOptionsValidator : IValidateOptions<InspectionOptions>
{
    public ValidateOptionsResult Validate(string? name, InspectionOptions options) =>
        options.CachedTokens is < 0 or > 1_000_000
            ? ValidateOptionsResult.Fail($"auth:inspection:cachedTokens must be 0 to 1000000, not {options.CachedTokens}.")
            : ValidateOptionsResult.Success;
}
