using Microsoft.IdentityModel.Tokens;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>The issuer's keys for the SDK's bearer check: this service has them and asks nobody.</summary>
internal sealed class OwnIssuerKeys(KeyRing keys) : IIssuerKeys
{
    public ValueTask<IssuerKey?> FindAsync(string kid, CancellationToken cancellationToken = default)
    {
        var key = keys.Published.FirstOrDefault(key => key.Kid == kid)?.Public;
        return ValueTask.FromResult(key is null ? null : new IssuerKey(kid, "ES256", new ECDsaSecurityKey(key.Key) { KeyId = kid }));
    }
}
