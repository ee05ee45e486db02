using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.ApiTokens;

/// <summary>Section <c>auth:apiTokens</c>.</summary>
internal sealed class ApiTokenOptions
{
    /// <summary>Life of a token whose maker names none.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromDays(90);

    /// <summary>The longest life that a maker may ask for.</summary>
    public TimeSpan Longest { get; set; } = TimeSpan.FromDays(366);

    /// <summary>How many live tokens one owner may have.</summary>
    public int PerOwner { get; set; } = 100;

    /// <summary>How many reports of found tokens one address may send in a minute; in the demo the machine itself may send any number.</summary>
    public int ReportsPerMinute { get; set; } = 10;
}

internal sealed class ApiTokenOptionsValidator : IValidateOptions<ApiTokenOptions>
{
    public ValidateOptionsResult Validate(string? name, ApiTokenOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Longest < TimeSpan.FromMinutes(1) || options.Longest > TimeSpan.FromDays(3660))
            result.AddError($"auth:apiTokens:longest must be 1 minute to 3660 days, not {options.Longest}.");
        if (options.Lifetime < TimeSpan.FromMinutes(1) || options.Lifetime > options.Longest)
            result.AddError($"auth:apiTokens:lifetime must be 1 minute to auth:apiTokens:longest, not {options.Lifetime}.");
        if (options.PerOwner is < 1 or > 10_000) result.AddError($"auth:apiTokens:perOwner must be 1 to 10000, not {options.PerOwner}.");
        if (options.ReportsPerMinute is < 1 or > 100_000) result.AddError($"auth:apiTokens:reportsPerMinute must be 1 to 100000, not {options.ReportsPerMinute}.");
        return result.Build();
    }
}
