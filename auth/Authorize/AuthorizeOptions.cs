using Microsoft.Extensions.Options;

namespace SecureMesh.Auth.Authorize;

/// <summary>Section <c>auth:authorize</c>.</summary>
internal sealed class AuthorizeOptions
{
    /// <summary>How many requests one address may begin or, as a client without a credential, push in a minute; in the demo the machine itself may any number.</summary>
    public int PerAddress { get; set; } = 300;
}

internal sealed class AuthorizeOptionsValidator : IValidateOptions<AuthorizeOptions>
{
    public ValidateOptionsResult Validate(string? name, AuthorizeOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        if (options.PerAddress is < 1 or > 1_000_000) result.AddError($"auth:authorize:perAddress must be 1 to 1000000, not {options.PerAddress}.");
        return result.Build();
    }
}
