using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace SecureMesh.Sdk;

/// <summary>The issuer's keys, as the token service publishes them.</summary>
internal sealed class IssuerKeys(IHttpClientFactory clients, IOptions<MeshOptions> options, TimeProvider time, ILogger<IssuerKeys> logger)
    : PublishedKeys(Published, clients, options, time, logger), IIssuerKeys
{
    private static readonly PublishedKeySet Published = new("/uaa/token_keys", "keys", UnknownKidPause: TimeSpan.FromSeconds(30), MayBeEmpty: false);
}
