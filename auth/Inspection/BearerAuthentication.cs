using Microsoft.Extensions.Options;
using SecureMesh.Auth.ApiTokens;
using SecureMesh.Auth.Dpop;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Inspection;

/// <summary>
/// Tokens at auth's own endpoints (RFC 6750 §2.1: the header; what a form says, for userinfo alone), refused in UAA's shape; those
/// that are bound to a key with its proof and the scheme DPoP (RFC 9449 §7.1).
/// </summary>
internal sealed class BearerAuthentication(TokenVerifier verifier, ApiTokenUses uses, SenderConstraint senders, IOptions<MeshOptions> mesh)
{
    private const string Scheme = "Bearer ";
    private const string BoundScheme = "DPoP ";

    /// <summary>The caller's token, good for this service.</summary>
    /// <param name="http">The request.</param>
    /// <param name="scope">A scope the token must hold; null for none.</param>
    /// <param name="resource">A name that must stand in <c>aud</c> as well; null for none.</param>
    /// <param name="inBody">The token that the body holds instead of the header (RFC 6750 §2.2); null for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<VerifiedToken, OAuthError>> AuthenticateAsync(
        HttpContext http, string? scope = null, string? resource = null, string? inBody = null, CancellationToken cancellationToken = default)
    {
        var headers = http.Request.Headers.Authorization;
        if (headers.Count > 1) return OAuthError.InvalidRequest("More than one Authorization header");
        if (inBody is not null && headers.Count > 0) return OAuthError.InvalidRequest("The token is sent in more than one way");
        var header = inBody is null ? headers.ToString() : Scheme + inBody;
        var asDpop = header.StartsWith(BoundScheme, StringComparison.OrdinalIgnoreCase);
        if (!asDpop && !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return OAuthError.NoToken();

        var text = header[(asDpop ? BoundScheme : Scheme).Length..];
        var token = await verifier.VerifyAsync(text, cancellationToken);
        if (!token.IsSuccess) return OAuthError.InvalidToken("The token is malformed, expired or revoked", token.Error);
        if (await senders.FaultAsync(http.Request, text, asDpop, Bound(token.Value), cancellationToken) is { } fault)
            return OAuthError.InvalidProof("The token is bound to a key, or not, other than the request shows", DpopProof.Algorithms, fault);
        if (!token.Value.Audience.Any(name => name == mesh.Value.Audience || name == "mesh://gateway"))
            return OAuthError.InvalidToken("The token is not meant for this service");
        if (scope is not null && !token.Value.Scopes.Contains(scope, StringComparer.Ordinal)) return OAuthError.InsufficientScope(scope);
        if (resource is not null && !token.Value.Audience.Contains(resource, StringComparer.Ordinal))
            return OAuthError.AccessDenied($"Invalid token does not contain resource id ({resource})");
        if (token.Value.IsApiToken) uses.Note(token.Value.Marks.TokenId, http.Connection.RemoteIpAddress);
        return token.Value;
    }

    private static Confirmation? Bound(VerifiedToken token) =>
        token.Claims.TryGetProperty("cnf", out var cnf) ? new Confirmation(cnf.Text("jkt"), cnf.Text("x5t#S256")) : null;
}
