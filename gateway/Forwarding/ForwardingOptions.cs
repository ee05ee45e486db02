using Microsoft.Extensions.Options;

namespace SecureMesh.Gateway.Forwarding;

/// <summary>How requests are passed on; section <c>gateway</c>.</summary>
internal sealed class ForwardingOptions
{
    /// <summary>Longest silence of a stream or WebSocket once the response headers have come, and the least that a route without data gets.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromMinutes(5);
}

internal sealed class ForwardingOptionsValidator : IValidateOptions<ForwardingOptions>
{
    public ValidateOptionsResult Validate(string? name, ForwardingOptions options) =>
        options.IdleTimeout > TimeSpan.Zero && options.IdleTimeout <= TimeSpan.FromHours(24)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"gateway:idleTimeout must be above 0 and at most 24 hours, not {options.IdleTimeout}.");
}
