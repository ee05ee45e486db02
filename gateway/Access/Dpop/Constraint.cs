using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SecureMesh.Gateway.Hygiene;
using SecureMesh.Gateway.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Gateway.Access.Dpop;

/// <summary>
/// Whether whoever shows a credential also holds the key that it is bound to (RFC 7800): by a proof of his own for this very
/// request (RFC 9449) or by the certificate of this connection (RFC 8705), and by nothing that a header says.
/// </summary>
internal sealed class Constraint(
    ShownProofs shown, DpopNonces nonces, LastGood<DpopOptions> options, LastGood<HygieneOptions> hygiene, TimeProvider time)
{
    public const string Header = "DPoP";
    private const string NonceHeader = "DPoP-Nonce";
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _later = TimeSpan.FromSeconds(60);

    private bool AsksForNonce => options.Value.Replay == "nonce";

    public Refusal? Fault(HttpContext http, in Presented credential, Caller caller)
    {
        var isDpop = credential.Scheme == CredentialScheme.Dpop;
        if (caller.Bound is not { } bound) return isDpop ? Unproven("not bound to a key, shown as DPoP") : null;
        // A way of binding that nobody here knows must not count as none.
        if (bound is { KeyThumbprint: null, CertificateThumbprint: null }) return Refusal.Invalid("bound in a way that is not known here") with { Lasts = false };
        if (bound.CertificateThumbprint is { } certificate && !IsOf(http.Connection.ClientCertificate, certificate)) return Refusal.Certificate(http.Connection.ClientCertificate is null
            ? "bound to a certificate, shown on a connection without one" : "bound to another certificate");
        if (bound.KeyThumbprint is not { } key) return isDpop ? Unproven("not bound to a key, shown as DPoP") : null;
        return isDpop ? ProofFault(http, credential.Text, key, caller) : Unproven("bound to a key, shown as a bearer token");
    }

    /// <summary>DP-01 in its order; remembered last, so that nothing but good proofs is.</summary>
    private Refusal? ProofFault(HttpContext http, string token, string key, Caller caller)
    {
        var headers = http.Request.Headers[Header];
        if (headers.Count > 1) return Refusal.Conflict("more than one DPoP header");
        if (headers.Count == 0) return Unproven(http, "no proof");
        var request = new DpopRequest(http.Request.Method, [hygiene.Value.Url.TrimEnd('/') + http.Request.Path.ToUriComponent()]) { AccessToken = token };
        if (DpopProof.Verify(headers.ToString(), request, time.GetUtcNow(), out var fault) is not { } proof) return Unproven(http, "the proof: " + fault);
        if (AsksForNonce && NonceFault(http, proof) is { } nonce) return nonce;
        if (proof.KeyThumbprint != key) return Unproven(http, "a proof of another key");
        return shown.Show((caller.Marks.ZoneId, caller.Subject), proof.KeyThumbprint, proof.Id) switch
        {
            ShownProof.First => null,
            ShownProof.Before => Unproven(http, "the proof was shown before"),
            ShownProof.TooMany => Refusal.Limited(_later, "the caller has shown as many proofs as one may in 90 s"),
            _ => Refusal.Unavailable(_soon, "no more proofs can be remembered"),
        };
    }

    private Refusal? NonceFault(HttpContext http, DpopProof proof)
    {
        var (isGood, isOld) = nonces.Judge(proof.Nonce ?? "");
        if (isOld) Tell(http, nonces.Current); // RFC 9449 §8.2: with an answer too
        return isGood ? null : Refusal.Nonce(proof.Nonce is null ? "the proof has no nonce" : "the nonce of the proof is old, or of another gateway");
    }

    private Refusal Unproven(HttpContext http, string cause)
    {
        if (AsksForNonce) Tell(http, nonces.Current);
        return Unproven(cause);
    }

    /// <summary>At the start of the answer: what is written before is cleared when another instance is tried.</summary>
    private static void Tell(HttpContext http, string nonce) => http.Response.OnStarting(static state =>
    {
        var (response, nonce) = ((HttpResponse, string))state;
        response.Headers[NonceHeader] = nonce;
        return Task.CompletedTask;
    }, (http.Response, nonce));

    private static Refusal Unproven(string cause) => Refusal.Proof(cause);

    private static bool IsOf(X509Certificate2? certificate, string thumbprint) =>
        certificate is not null && Base64Url.EncodeToString(SHA256.HashData(certificate.RawData)) == thumbprint;
}
