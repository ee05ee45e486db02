using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Dpop;

/// <summary>The proofs that were shown, for as long as they could be shown again; shared by all instances.</summary>
internal interface IDpopReplays
{
    /// <summary>Remembers the proof, in one conditional write.</summary>
    /// <returns>False when it was shown before.</returns>
    Task<bool> TryShowAsync(string zoneId, string jkt, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken);
}

/// <summary>A proof that is good for one request.</summary>
/// <param name="Jkt">Thumbprint of its key.</param>
internal sealed record DpopProof(string Jkt);

/// <summary>Checks that a request was made by the holder of a key (RFC 9449 §4.3).</summary>
internal sealed class DpopProofs(IDpopReplays shown, DpopAddresses addresses, TimeProvider time)
{
    private const string Header = "DPoP";
    private static readonly TimeSpan Past = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Ahead = TimeSpan.FromSeconds(30);

    /// <summary>RFC 9449 §5.1, <c>dpop_signing_alg_values_supported</c>: no RS256, which FAPI 2.0 forbids.</summary>
    public static readonly IReadOnlyList<string> Algorithms = ["ES256", "PS256"];

    public static bool IsShown(HttpRequest request) => request.Headers.ContainsKey(Header);

    /// <summary>The proof in the request, or why the proof is not good; the reason is for the log.</summary>
    /// <param name="request">The request; it must carry the header.</param>
    /// <param name="accessToken">The token that the proof must name, at a resource; null where a token is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<DpopProof, string>> VerifyAsync(HttpRequest request, string? accessToken, CancellationToken cancellationToken)
    {
        var headers = request.Headers[Header];
        if (headers.Count != 1) return "not exactly one DPoP header";
        var jws = CompactJws.Read(headers.ToString());
        if (!jws.IsSuccess) return jws.Error;
        if (jws.Value.Type != "dpop+jwt") return "another typ";
        var algorithm = jws.Value.Algorithm;
        if (!Algorithms.Contains(algorithm, StringComparer.Ordinal)) return "another alg";
        if (!jws.Value.Header.TryGetProperty("jwk", out var jwk) || VerificationKey.Thumbprint(jwk) is not { } jkt) return "no jwk";
        var key = VerificationKey.FromJwk(jwk, algorithm);
        if (!key.IsSuccess) return key.Error;
        if (jws.Value.Verify(key.Value) is not { } claims) return "bad signature";

        if (Fault(request, claims, accessToken) is { } fault) return fault;
        // Last, so that nothing but good proofs is remembered.
        var jti = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(claims.Text("jti")!)));
        return await shown.TryShowAsync(Zone.Default, jkt, jti, claims.Time("iat")!.Value + Past, cancellationToken)
            ? new DpopProof(jkt)
            : "shown before";
    }

    private string? Fault(HttpRequest request, JsonElement claims, string? accessToken)
    {
        if (claims.Text("jti") is not { Length: > 0 and <= 1024 }) return "no jti";
        if (claims.Text("htm") != request.Method) return "another htm";
        if (claims.Text("htu") is not { } htu || !addresses.IsOf(request, htu)) return "another htu";
        var now = time.GetUtcNow();
        if (claims.Time("iat") is not { } issued || issued < now - Past || issued > now + Ahead) return "iat outside the window";
        if (accessToken is null) return null;
        var hash = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(accessToken)));
        return claims.Text("ath") is { } ath && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(ath), Encoding.UTF8.GetBytes(hash)) ? null : "another ath";
    }
}
