using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Passports;

/// <summary>Section <c>auth:passports</c>.</summary>
internal sealed class PassportOptions
{
    /// <summary>How long an announced key counts; its gateway renews it in time.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How many live keys one client may have: one for each instance, and the next one while keys change.</summary>
    public int KeysPerClient { get; set; } = 256;
}

internal sealed class PassportOptionsValidator : IValidateOptions<PassportOptions>
{
    public ValidateOptionsResult Validate(string? name, PassportOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Lease < TimeSpan.FromMinutes(1) || options.Lease > TimeSpan.FromDays(1))
            result.AddError($"auth:passports:lease must be 1 minute to 1 day, not {options.Lease}.");
        if (options.KeysPerClient is < 1 or > 1000) result.AddError($"auth:passports:keysPerClient must be 1 to 1000, not {options.KeysPerClient}.");
        return result.Build();
    }
}
