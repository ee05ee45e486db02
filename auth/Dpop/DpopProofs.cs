using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Dpop;

/// <summary>The proofs that were shown, for as long as they could be shown again; shared by all instances.</summary>
internal interface IDpopReplays
{
    /// <summary>Remembers the proof, in one conditional write.</summary>
    /// <returns>False when it was shown before.</returns>
    Task<bool> TryShowAsync(string zoneId, string jkt, string jtiHash, DateTimeOffset expiresAt, CancellationToken cancellationToken);
}

/// <summary>Checks that a request was made by the holder of a key (RFC 9449 §4.3).</summary>
internal sealed class DpopProofs(IDpopReplays shown, DpopAddresses addresses, TimeProvider time)
{
    private const string Header = "DPoP";

    public static bool IsShown(HttpRequest request) => request.Headers.ContainsKey(Header);

    /// <summary>The proof in the request, or why the proof is not good; the reason is for the log.</summary>
    /// <param name="request">The request; it must carry the header.</param>
    /// <param name="accessToken">The token that the proof must name, at a resource; null where a token is asked for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<DpopProof, string>> VerifyAsync(HttpRequest request, string? accessToken, CancellationToken cancellationToken)
    {
        var headers = request.Headers[Header];
        if (headers.Count != 1) return "not exactly one DPoP header";
        var asked = new DpopRequest(request.Method, addresses.Of(request)) { AccessToken = accessToken };
        if (DpopProof.Verify(headers.ToString(), asked, time.GetUtcNow(), out var fault) is not { } proof) return fault!;
        // Last, so that nothing but good proofs is remembered.
        var jti = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(proof.Id)));
        return await shown.TryShowAsync(Zone.Default, proof.KeyThumbprint, jti, proof.GoodUntil, cancellationToken) ? proof : "shown before";
    }
}
