using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>Section <c>auth:clients</c>.</summary>
internal sealed class ClientsOptions
{
    /// <summary>What a chosen secret must have.</summary>
    public SecretPolicy SecretPolicy { get; set; } = new();
}

internal sealed class ClientsOptionsValidator : IValidateOptions<ClientsOptions>
{
    public ValidateOptionsResult Validate(string? name, ClientsOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        options.SecretPolicy.Validate("auth:clients:secretPolicy", result);
        return result.Build();
    }
}

/// <summary>Makes the stored forms of new secrets (T-05).</summary>
internal sealed class ClientSecrets(SlowHash slow, Current<ClientsOptions> options)
{
    /// <summary>A secret of 256 random bits, for which a fast hash is enough.</summary>
    public static (string Secret, string Stored) Generate()
    {
        var secret = Entropy.Token();
        return (secret, ClientSecret.FromSha256(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)))));
    }

    /// <summary>The stored form of a chosen secret.</summary>
    public async Task<Result<string, OAuthError>> ChosenAsync(string secret)
    {
        if (options.Value.SecretPolicy.Fault("Client Secret", secret) is { } fault) return ClientBody.Invalid(fault);
        return await slow.HashAsync(secret, FormBody.Decode(secret)) is { } stored ? stored : OAuthError.Busy("the queue of slow hashes is full");
    }
}
