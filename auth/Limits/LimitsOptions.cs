using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Limits;

/// <summary>Section <c>auth:limits</c>.</summary>
internal sealed class LimitsOptions
{
    /// <summary>How many failed authentications, of clients and users together, one address may have within the window.</summary>
    public int FailuresPerAddress { get; set; } = 60;

    /// <summary>How many failed authentications in the name of one client there may be within the window, wherever they come from.</summary>
    public int FailuresPerClient { get; set; } = 1000;

    /// <summary>Counted from the first failure; when it has passed, counting starts again.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(10);
}

internal sealed class LimitsOptionsValidator : IValidateOptions<LimitsOptions>
{
    public ValidateOptionsResult Validate(string? name, LimitsOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.FailuresPerAddress < 1) result.AddError($"auth:limits:failuresPerAddress must be at least 1, not {options.FailuresPerAddress}.");
        if (options.FailuresPerClient < 1) result.AddError($"auth:limits:failuresPerClient must be at least 1, not {options.FailuresPerClient}.");
        if (options.Window < TimeSpan.FromSeconds(1) || options.Window > TimeSpan.FromDays(1))
            result.AddError($"auth:limits:window must be 1 second to 1 day, not {options.Window}.");
        return result.Build();
    }
}
