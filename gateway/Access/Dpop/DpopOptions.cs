using Microsoft.Extensions.Options;

namespace SecureMesh.Gateway.Access.Dpop;

/// <summary>How proofs are kept from being shown twice (DP-07); section <c>gateway:dpop</c>.</summary>
internal sealed class DpopOptions
{
    /// <summary>
    /// <c>local</c>: each gateway remembers what it was shown. <c>nonce</c>: a proof must also hold a nonce of this very gateway, so
    /// that one that was shown here is good nowhere else; callers must be kept to one gateway then.
    /// </summary>
    public string Replay { get; set; } = "local";
}

internal sealed class DpopOptionsValidator : IValidateOptions<DpopOptions>
{
    public ValidateOptionsResult Validate(string? name, DpopOptions options) => options.Replay is "local" or "nonce"
        ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail($"gateway:dpop:replay must be local or nonce, not '{options.Replay}'.");
}
