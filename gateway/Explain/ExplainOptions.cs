using Microsoft.Extensions.Options;

namespace SecureMesh.Gateway.Explain;

/// <summary>What is kept of refused requests; section <c>gateway:explain</c>.</summary>
internal sealed class ExplainOptions
{
    /// <summary>How many refusals are kept, a few KiB each at most; read at the start.</summary>
    public int Kept { get; set; } = 4096;
}

internal sealed class ExplainOptionsValidator : IValidateOptions<ExplainOptions>
{
    public ValidateOptionsResult Validate(string? name, ExplainOptions options) =>
        options.Kept is >= 0 and <= 100_000
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"gateway:explain:kept must be 0 to 100000, not {options.Kept}.");
}
