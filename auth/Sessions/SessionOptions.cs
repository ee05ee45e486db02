using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Sessions;

/// <summary>Section <c>auth:sessions</c>.</summary>
internal sealed class SessionOptions
{
    /// <summary>A session unused for this long has ended.</summary>
    public TimeSpan Idle { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>The longest life of a session without a new sign-in.</summary>
    public TimeSpan Absolute { get; set; } = TimeSpan.FromHours(12);
}

internal sealed class SessionOptionsValidator : IValidateOptions<SessionOptions>
{
    public ValidateOptionsResult Validate(string? name, SessionOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Absolute < TimeSpan.FromMinutes(1) || options.Absolute > TimeSpan.FromDays(30))
            result.AddError($"auth:sessions:absolute must be 1 minute to 30 days, not {options.Absolute}.");
        if (options.Idle < TimeSpan.FromMinutes(1) || options.Idle > options.Absolute)
            result.AddError($"auth:sessions:idle must be 1 minute to auth:sessions:absolute, not {options.Idle}.");
        return result.Build();
    }
}
