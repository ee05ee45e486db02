using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>The issuer's keys for the SDK's bearer check: this service has them and asks nobody.</summary>
internal sealed class OwnIssuerKeys(KeyRing keys) : IIssuerKeys
{
    public async ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default)
    {
        var key = await keys.FindAsync(kid, cancellationToken);
        return key is null ? null : new IssuerKey(kid, key.Algorithm, key.ToSecurityKey());
    }
}
