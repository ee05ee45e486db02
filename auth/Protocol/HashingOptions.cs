using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Protocol;

/// <summary>Section <c>auth:hashing</c>.</summary>
internal sealed class HashingOptions
{
    /// <summary>Threads that hash for users; 0 means one for each processor.</summary>
    public int Workers { get; set; }

    /// <summary>How many sign-ins may wait for them; one more is answered with 503.</summary>
    public int Queue { get; set; } = 128;

    /// <summary>How many requests of one address may wait or hash at the same time; one more is answered with 429.</summary>
    public int PerAddress { get; set; } = 4;
}

internal sealed class HashingOptionsValidator : IValidateOptions<HashingOptions>
{
    public ValidateOptionsResult Validate(string? name, HashingOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.Workers is < 0 or > 256) result.AddError("auth:hashing:workers must be 0 (one per processor) to 256.");
        if (options.Queue is < 1 or > 100_000) result.AddError("auth:hashing:queue must be 1 to 100000.");
        if (options.PerAddress is < 1 or > 10_000) result.AddError("auth:hashing:perAddress must be 1 to 10000.");
        return result.Build();
    }
}
