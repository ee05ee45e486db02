using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Dpop;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Sessions;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Authorize;

/// <summary>
/// <c>POST /uaa/oauth/par</c> (RFC 9126): the client hands its request over directly and authenticated, and the browser carries a
/// name for it alone.
/// </summary>
internal sealed class PushedRequestEndpoint(ClientAuthenticator clients, AuthorizationRequests requests, DpopProofs proofs, IPushedRequests store, BegunRequests begun, TimeProvider time)
{
    private const string Prefix = "urn:ietf:params:oauth:request_uri:";
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(90);

    /// <summary>The random part of a name that this endpoint gave out; null when it is none.</summary>
    public static string? Reference(string? requestUri) => requestUri?.StartsWith(Prefix, StringComparison.Ordinal) == true ? requestUri[Prefix.Length..] : null;

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        // 1. Who asks.
        var form = await FormBody.ReadAsync(http.Request, cancellationToken);
        if (!form.IsSuccess) return form.Error;
        var client = await clients.AuthenticateAsync(http.Request, form.Value, allowPublic: true, cancellationToken);
        if (!client.IsSuccess) return client.Error;

        // 2. The whole judgement happens here, so that the person is never bothered with a bad request.
        if (form.Value["request_uri"] is not null) return OAuthError.InvalidRequest("request_uri cannot be pushed");
        var parameters = form.Value;
        if (!parameters.Has("client_id")) parameters.Add("client_id", client.Value.Client.Id);
        if (parameters["client_id"] != client.Value.Client.Id) return OAuthError.InvalidRequest("client_id is not that of the authenticated client");
        if (DpopProofs.IsShown(http.Request))
        {
            // A proof here binds the code to its key, as dpop_jkt does (RFC 9449 §10.1).
            var proof = await proofs.VerifyAsync(http.Request, accessToken: null, cancellationToken);
            if (!proof.IsSuccess) return OAuthError.InvalidDpopProof("The DPoP proof is not good for this request", proof.Error);
            if (parameters["dpop_jkt"] is { } jkt && jkt != proof.Value.KeyThumbprint) return OAuthError.InvalidDpopProof("dpop_jkt is not the key of the proof");
            if (parameters["dpop_jkt"] is null) parameters.Add("dpop_jkt", proof.Value.KeyThumbprint);
        }
        var request = await requests.ReadAsync(parameters, pushedHash: "", cancellationToken);
        // UAA's word for a bad redirect URI is none that RFC 9126 §2.3 knows.
        if (!request.IsSuccess) return request.Error.Error is { Code: "invalid_grant" } redirect ? redirect with { Code = "invalid_request" } : request.Error.Error;

        // 3. Keep it, in bounds for those whose client anyone can play.
        if (client.Value.ProvedNothing && begun.Refusal(http) is { } refusal) return refusal;
        var reference = Entropy.Token();
        var now = time.GetUtcNow();
        await store.AddAsync(BrowserCookie.Hash(reference), new PushedRequest(client.Value.Client.Id, parameters, now, now + Lifetime), cancellationToken);
        return new Answer(json =>
        {
            json.WriteString("request_uri", Prefix + reference);
            json.WriteNumber("expires_in", (long)Lifetime.TotalSeconds);
        })
        { Status = 201 };
    }
}
