using Microsoft.Extensions.Options;

namespace SecureMesh.Account.Registration;

/// <summary>Section <c>account:registration</c>.</summary>
internal sealed class RegistrationOptions
{
    /// <summary>What is kept of <see cref="Timeout"/> to take a user back; one that takes longer is left to the sweep.</summary>
    public static readonly TimeSpan UndoTimeout = TimeSpan.FromSeconds(1.5);

    /// <summary>Attempts per minute that one address may make; as many at once.</summary>
    public int PerMinute { get; set; } = 60;

    /// <summary>Registrations of this instance that may ask auth at the same time; others wait.</summary>
    public int AtOnce { get; set; } = 4;

    /// <summary>The longest that a registration may take; below what the gateway waits.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(9);

    /// <summary>How long auth may take for one attempt to create a user.</summary>
    public TimeSpan AuthTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a registration may wait for its turn, so that one attempt and an undo still fit.</summary>
    public TimeSpan MaxWait => Timeout - AuthTimeout - UndoTimeout;
}

internal sealed class RegistrationOptionsValidator : IValidateOptions<RegistrationOptions>
{
    public ValidateOptionsResult Validate(string? name, RegistrationOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.PerMinute is < 1 or > 1_000_000)
            result.AddError($"account:registration:perMinute must be 1 to 1000000, not {options.PerMinute}.");
        if (options.AtOnce is < 1 or > 1000)
            result.AddError($"account:registration:atOnce must be 1 to 1000, not {options.AtOnce}.");
        if (options.AuthTimeout < TimeSpan.FromMilliseconds(100))
            result.AddError($"account:registration:authTimeout must be at least 100ms, not {options.AuthTimeout}.");
        // An unfinished registration is undone after a minute; by then none may still be running.
        if (options.MaxWait < TimeSpan.Zero || options.Timeout > TimeSpan.FromSeconds(30))
            result.AddError($"account:registration:timeout must be at least authTimeout and 1.5s, and at most 30s, not {options.Timeout}.");
        return result.Build();
    }
}
