using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>The keys that sign passports: apart from the issuer's in every respect, so that neither ever stands in for the other.</summary>
internal interface IPassportKeys
{
    /// <summary>Finds the key a passport names; may wait for one fetch when the key is not known yet.</summary>
    /// <returns>The key, or null when no gateway has announced it.</returns>
    /// <exception cref="IssuerKeysUnavailableException">No keys were ever had, or the last ones are too old to be trusted.</exception>
    ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default);
}

/// <summary>
/// What the gateways have announced to the token service: a new gateway is understood within seconds, and that no gateway
/// has announced anything yet is no failure.
/// </summary>
internal sealed class PassportKeys(IHttpClientFactory clients, IOptions<MeshOptions> options, TimeProvider time, ILogger<PassportKeys> logger)
    : PublishedKeys(Published, clients, options, time, logger), IPassportKeys
{
    private static readonly PublishedKeySet Published = new("/uaa/passport_keys", "passport keys", UnknownKidPause: TimeSpan.FromSeconds(5), MayBeEmpty: true)
    {
        // A gateway that has just started is to be understood also when the token service goes away with it.
        RefreshEvery = TimeSpan.FromSeconds(10),
        NewKeysAreUsual = true, // each gateway that starts has one
    };
}

/// <summary>For services at which no passport opens anything.</summary>
internal sealed class NoPassportKeys : IPassportKeys
{
    public ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default) => default;
}
