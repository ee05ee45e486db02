using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token.Trust;

/// <summary>Section <c>auth:trust</c>: whose assertions stand for a sign-in (RFC 7523 §2.1).</summary>
internal sealed class TrustOptions
{
    public IList<TrustedIssuer> Issuers { get; } = [];

    /// <summary>An id token of ours is an assertion too, for the client it was issued to.</summary>
    public bool OwnIdTokens { get; set; }
}

/// <summary>One issuer. Lists are separated by spaces.</summary>
internal sealed class TrustedIssuer
{
    /// <summary>Claim <c>iss</c> of its assertions.</summary>
    public string Issuer { get; set; } = "";

    /// <summary>False: nothing of it counts, and what began with it is not renewed.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Its public keys, a JWK set as JSON text.</summary>
    public string Jwks { get; set; } = "";

    /// <summary>Where its public keys are published.</summary>
    public string JwksUri { get; set; } = "";

    public string Algorithms { get; set; } = "ES256 RS256";

    /// <summary>The clients that may show its assertions.</summary>
    public string Clients { get; set; } = "";

    /// <summary>The claim that names the user.</summary>
    public string Claim { get; set; } = "sub";

    /// <summary>What the claim holds: <c>user_name</c> or <c>id</c>.</summary>
    public string Names { get; set; } = "user_name";

    /// <summary>The values that are accepted, in which <c>*</c> stands for one run without dots; an issuer can sign in nobody else.</summary>
    public string Subjects { get; set; } = "";
}

internal sealed class TrustOptionsValidator : IValidateOptions<TrustOptions>
{
    private static readonly string[] Algorithms = ["ES256", "RS256", "PS256"];

    public ValidateOptionsResult Validate(string? name, TrustOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        for (var i = 0; i < options.Issuers.Count; i++)
        {
            var (issuer, at) = (options.Issuers[i], $"auth:trust:issuers:{i}");
            if (issuer.Issuer.Length == 0) result.AddError($"{at}:issuer is missing.");
            if (options.Issuers.Count(other => other.Issuer == issuer.Issuer) > 1) result.AddError($"{at}:issuer stands there twice.");
            if (issuer.Jwks.Length == 0 == (issuer.JwksUri.Length == 0)) result.AddError($"{at} needs either jwks or jwksUri.");
            if (issuer.Jwks.Length > 0 && !IsKeySet(issuer.Jwks)) result.AddError($"{at}:jwks is no JWK set of public keys.");
            if (issuer.JwksUri.Length > 0 && !Uri.TryCreate(issuer.JwksUri, UriKind.Absolute, out _)) result.AddError($"{at}:jwksUri must be an absolute URL.");
            if (Words.Split(issuer.Algorithms) is var algorithms && (algorithms.Length == 0 || algorithms.Except(Algorithms, StringComparer.Ordinal).Any()))
                result.AddError($"{at}:algorithms must be some of {Words.Join(Algorithms)}.");
            if (issuer.Clients.Length == 0) result.AddError($"{at}:clients must name who may show its assertions.");
            if (issuer.Subjects.Length == 0) result.AddError($"{at}:subjects must say whom it may sign in; * is anyone without a dot in the name.");
            if (issuer.Claim.Length == 0) result.AddError($"{at}:claim is missing.");
            if (issuer.Names is not ("user_name" or "id")) result.AddError($"{at}:names must be user_name or id.");
        }
        return result.Build();
    }

    private static bool IsKeySet(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array
                && keys.GetArrayLength() > 0
                && keys.EnumerateArray().All(key => Algorithms.Any(algorithm => VerificationKey.FromJwk(key, algorithm).IsSuccess));
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
