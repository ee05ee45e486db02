using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Dpop;

/// <summary>
/// What a token is bound to, so that whoever steals it cannot use it: a key by DPoP (RFC 9449) or the certificate of the connection
/// (RFC 8705). Decides it where tokens are asked for and checks it where they are shown.
/// </summary>
internal sealed class SenderConstraint(DpopProofs proofs)
{
    /// <summary>The binding of what this client asks for; both members null when there is none and none is needed.</summary>
    public async Task<Result<Confirmation, OAuthError>> ReadAsync(HttpRequest request, Client client, CancellationToken cancellationToken)
    {
        string? jkt = null;
        // The proof that was shown with the caller's token is of this request too, and good once.
        if (request.HttpContext.Items[typeof(DpopProof)] is DpopProof verified) jkt = verified.KeyThumbprint;
        else if (DpopProofs.IsShown(request))
        {
            var proof = await proofs.VerifyAsync(request, accessToken: null, cancellationToken);
            if (!proof.IsSuccess) return OAuthError.InvalidDpopProof("The DPoP proof is not good for this request", proof.Error);
            jkt = proof.Value.KeyThumbprint;
        }
        else if (client.Metadata.DpopBoundAccessTokens) return OAuthError.InvalidDpopProof("A DPoP proof is needed");

        var x5t = client.Metadata.TlsClientCertificateBoundAccessTokens ? ClientCertificate.Thumbprint(request) : null;
        if (client.Metadata.TlsClientCertificateBoundAccessTokens && x5t is null) return OAuthError.InvalidRequest("A client certificate is needed");
        if (client.Metadata.Profile == "fapi2" && jkt is null && x5t is null) return OAuthError.InvalidRequest("A DPoP proof or a client certificate is needed");
        return new Confirmation(jkt, x5t);
    }

    /// <summary>Why a token may not be shown like this, for the log; null when it may.</summary>
    public async Task<string?> FaultAsync(HttpRequest request, string token, bool asDpop, Confirmation? bound, CancellationToken cancellationToken)
    {
        if (bound?.X5t is { } x5t && ClientCertificate.Thumbprint(request) != x5t) return "bound to another certificate";
        if (bound?.Jkt is null) return asDpop ? "not bound to a key, shown as DPoP" : null;
        if (!asDpop) return "bound to a key, shown as a bearer token";
        var proof = await proofs.VerifyAsync(request, token, cancellationToken);
        if (!proof.IsSuccess) return proof.Error;
        if (proof.Value.KeyThumbprint != bound.Jkt) return "proof of another key";
        request.HttpContext.Items[typeof(DpopProof)] = proof.Value;
        return null;
    }
}
