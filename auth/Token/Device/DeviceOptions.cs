using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Token.Device;

/// <summary>Section <c>auth:device</c>.</summary>
internal sealed class DeviceOptions
{
    /// <summary>How long a device waits for a person.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromSeconds(600);

    /// <summary>How long it waits between two questions, to begin with.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How many devices at one address may wait: codes that live are codes that can be guessed (RFC 8628 §5.1).</summary>
    public int PendingPerAddress { get; set; } = 50;
}

internal sealed class DeviceOptionsValidator : IValidateOptions<DeviceOptions>
{
    public ValidateOptionsResult Validate(string? name, DeviceOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Lifetime < TimeSpan.FromSeconds(30) || options.Lifetime > TimeSpan.FromMinutes(30))
            result.AddError($"auth:device:lifetime must be 30 seconds to 30 minutes, not {options.Lifetime}.");
        if (options.Interval < TimeSpan.FromSeconds(1) || options.Interval > TimeSpan.FromMinutes(1))
            result.AddError($"auth:device:interval must be 1 second to 1 minute, not {options.Interval}.");
        if (options.PendingPerAddress is < 1 or > 100_000) result.AddError("auth:device:pendingPerAddress must be 1 to 100000.");
        return result.Build();
    }
}
