using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Revocation;

/// <summary>Section <c>auth:revocation</c>.</summary>
internal sealed class RevocationOptions
{
    /// <summary>How often the database is asked for revocations even when nothing was told.</summary>
    public TimeSpan Poll { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>After this long without an answer of the database nothing is taken from memory any more: checks of tokens fail with 503.</summary>
    public TimeSpan StaleAfter { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How many may follow the feed at this instance; one more is answered with 503.</summary>
    public int Followers { get; set; } = 256;

    /// <summary>How many tokens may be revoked one by one in an hour, of each user at a client and of each client in its own name; one more is answered with 429.</summary>
    public int PerHour { get; set; } = 20_000;

    /// <summary>How often a follower hears that all is well.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>A follower that takes nothing for this long is cut off; it comes back and asks for what it has missed.</summary>
    public TimeSpan StallLimit { get; set; } = TimeSpan.FromSeconds(10);
}

internal sealed class RevocationOptionsValidator : IValidateOptions<RevocationOptions>
{
    public ValidateOptionsResult Validate(string? name, RevocationOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Poll < TimeSpan.FromMilliseconds(100) || options.Poll > TimeSpan.FromSeconds(30))
            result.AddError($"auth:revocation:poll must be 0.1 to 30 seconds, not {options.Poll}.");
        if (options.StaleAfter < 2 * options.Poll || options.StaleAfter > TimeSpan.FromMinutes(5))
            result.AddError($"auth:revocation:staleAfter must be twice auth:revocation:poll to 5 minutes, not {options.StaleAfter}.");
        if (options.Followers is < 1 or > 100_000) result.AddError($"auth:revocation:followers must be 1 to 100000, not {options.Followers}.");
        if (options.PerHour is < 1 or > 10_000_000) result.AddError($"auth:revocation:perHour must be 1 to 10000000, not {options.PerHour}.");
        // Followers take 9 seconds without a word for a cut.
        if (options.Heartbeat < TimeSpan.FromMilliseconds(100) || options.Heartbeat > TimeSpan.FromSeconds(4))
            result.AddError($"auth:revocation:heartbeat must be 0.1 to 4 seconds, not {options.Heartbeat}.");
        if (options.StallLimit < TimeSpan.FromSeconds(1) || options.StallLimit > TimeSpan.FromMinutes(1))
            result.AddError($"auth:revocation:stallLimit must be 1 second to 1 minute, not {options.StallLimit}.");
        return result.Build();
    }
}
