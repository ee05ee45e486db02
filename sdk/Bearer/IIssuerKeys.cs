using Microsoft.IdentityModel.Tokens;

namespace SecureMesh.Sdk;

/// <summary>
/// The keys that sign access tokens. The default fetches them from <c>{mesh:auth:url}/uaa/token_keys</c>; the token service
/// itself registers its own keys as a singleton instead.
/// </summary>
public interface IIssuerKeys
{
    /// <summary>Finds the key a token names; may wait for one fetch when the key is not known yet.</summary>
    /// <param name="kid">The token's <c>kid</c>, compared byte for byte.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The key, or null when the issuer publishes none of this name.</returns>
    /// <exception cref="IssuerKeysUnavailableException">No keys were ever had, or the last ones are too old to be trusted.</exception>
    ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default);
}

/// <summary>One public key of the issuer, bound to one algorithm.</summary>
/// <param name="Kid">Its name in token headers.</param>
/// <param name="Algorithm">The only algorithm it verifies: <c>ES256</c> or <c>RS256</c>.</param>
/// <param name="Key">The public key.</param>
public sealed record IssuerKey(string Kid, string Algorithm, SecurityKey Key);

/// <summary>Tokens cannot be checked because the issuer's keys are not to be had; callers are told to try again, not that their token is bad.</summary>
public sealed class IssuerKeysUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="retryAfter">When asking again makes sense.</param>
    public IssuerKeysUnavailableException(TimeSpan retryAfter) : base("the keys of the token service are not to be had") => RetryAfter = retryAfter;

    /// <summary>When asking again makes sense.</summary>
    public TimeSpan RetryAfter { get; }
}
