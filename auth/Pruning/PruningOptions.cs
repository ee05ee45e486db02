using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Pruning;

/// <summary>Section <c>auth:pruning</c>.</summary>
internal sealed class PruningOptions
{
    /// <summary>How often expired rows are deleted; each time a tenth more or less, so that instances do not do it at once.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromMinutes(10);
}

internal sealed class PruningOptionsValidator : IValidateOptions<PruningOptions>
{
    public ValidateOptionsResult Validate(string? name, PruningOptions options) =>
        options.Interval < TimeSpan.FromSeconds(1) || options.Interval > TimeSpan.FromDays(1)
            ? ValidateOptionsResult.Fail($"auth:pruning:interval must be 1 second to 1 day, not {options.Interval}.")
            : ValidateOptionsResult.Success;
}
