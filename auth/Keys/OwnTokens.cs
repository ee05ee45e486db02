using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Keys;

/// <summary>
/// Verifies tokens of every kind that this service signed: by its own keys and nothing that the token brings along, each kind
/// by its own <c>typ</c>. Audience, use and state are for the caller to judge.
/// </summary>
internal sealed class OwnTokens(KeyRing keys, IOptions<MeshOptions> mesh, TimeProvider time)
{
    /// <summary>The claims, or why the token is not good; the reason is for the log.</summary>
    /// <param name="token">A compact JWS.</param>
    /// <param name="typ">The only header <c>typ</c> that is accepted: <c>at+jwt</c>, <c>JWT</c> (id token), <c>logout+jwt</c> ...</param>
    /// <param name="evenExpired">Also when it has expired: an <c>id_token_hint</c> says who, not that the time has not passed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<JsonElement, string>> VerifyAsync(string token, string typ, bool evenExpired = false, CancellationToken cancellationToken = default)
    {
        var jws = CompactJws.Read(token);
        if (!jws.IsSuccess) return jws.Error;
        if (jws.Value.Type != typ) return "another typ";
        if (jws.Value.Kid is not { } kid) return "no kid";
        if (await keys.FindAsync(kid, cancellationToken) is not { } key) return "no such key";
        if (jws.Value.Algorithm != key.Algorithm) return "alg is not that of the key";
        if (jws.Value.Verify(key.Verification) is not { } claims) return "bad signature";

        if (claims.Text("iss") != mesh.Value.Issuer) return "another issuer";
        var now = time.GetUtcNow();
        if (claims.Time("exp") is not { } expires) return "no exp";
        if (expires <= now && !evenExpired) return "expired";
        return claims.Has("nbf") && !(claims.Time("nbf") <= now) ? "not good yet" : claims;
    }
}
