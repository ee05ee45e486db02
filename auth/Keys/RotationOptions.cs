using Microsoft.Extensions.Options;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Keys;

/// <summary>Section <c>auth:rotation</c>.</summary>
internal sealed class RotationOptions
{
    /// <summary>How long a consumer may keep the published keys (K-15).</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(300);

    /// <summary>For how long a retired key must be published at least: the longest token's life, skew and the age of a consumer's copy.</summary>
    public static readonly TimeSpan ShortestRetired = TokenOptions.LongestAccess + TimeSpan.FromSeconds(60) + MaxAge;

    /// <summary>How long a key signs before the next one takes its place.</summary>
    public TimeSpan RotateEvery { get; set; } = TimeSpan.FromDays(90);

    /// <summary>For how long a key is published before it signs.</summary>
    public TimeSpan AnnounceFor { get; set; } = TimeSpan.FromHours(24);

    /// <summary>For how long a key is published after it has signed.</summary>
    public TimeSpan KeepRetired { get; set; } = TimeSpan.FromHours(13);

    /// <summary>How often an instance looks whether the keys have changed; each time a tenth more or less.</summary>
    public TimeSpan ReloadEvery { get; set; } = TimeSpan.FromSeconds(5);
}

internal sealed class RotationOptionsValidator : IValidateOptions<RotationOptions>
{
    public ValidateOptionsResult Validate(string? name, RotationOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.AnnounceFor < 2 * RotationOptions.MaxAge)
            result.AddError($"auth:rotation:announceFor must be at least {2 * RotationOptions.MaxAge}, twice as long as others may keep the keys, not {options.AnnounceFor}.");
        if (options.RotateEvery <= options.AnnounceFor)
            result.AddError($"auth:rotation:rotateEvery must be longer than auth:rotation:announceFor, not {options.RotateEvery}.");
        if (options.KeepRetired < RotationOptions.ShortestRetired)
            result.AddError($"auth:rotation:keepRetired must be at least {RotationOptions.ShortestRetired}, the life of the longest token and of others' copies of the keys, not {options.KeepRetired}.");
        if (options.ReloadEvery < TimeSpan.FromSeconds(1) || options.ReloadEvery > TimeSpan.FromMinutes(1))
            result.AddError($"auth:rotation:reloadEvery must be 1 second to 1 minute, not {options.ReloadEvery}.");
        return result.Build();
    }
}
