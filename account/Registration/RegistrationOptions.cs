using Microsoft.Extensions.Options;

namespace SecureMesh.Account.Registration;

/// <summary>Section <c>account:registration</c>.</summary>
internal sealed class RegistrationOptions
{
    /// <summary>Attempts per minute that one address may make; as many at once.</summary>
    public int PerMinute { get; set; } = 60;

    /// <summary>How long auth may take to create a user; two of them and an undo must fit into what the gateway waits.</summary>
    public TimeSpan AuthTimeout { get; set; } = TimeSpan.FromSeconds(4);
}

internal sealed class RegistrationOptionsValidator : IValidateOptions<RegistrationOptions>
{
    public ValidateOptionsResult Validate(string? name, RegistrationOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.PerMinute is < 1 or > 1_000_000)
            result.AddError($"account:registration:perMinute must be 1 to 1000000, not {options.PerMinute}.");
        // An unfinished registration is undone after a minute; by then none may still be running.
        if (options.AuthTimeout < TimeSpan.FromMilliseconds(100) || options.AuthTimeout > TimeSpan.FromSeconds(10))
            result.AddError($"account:registration:authTimeout must be 0.1 to 10 seconds, not {options.AuthTimeout}.");
        return result.Build();
    }
}
