using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Dpop;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;

namespace SecureMesh.Auth.Token;

/// <summary><c>POST /uaa/oauth/token</c> (RFC 6749 §3.2): the steps that all grants share, so that no grant can leave one out.</summary>
internal sealed class TokenEndpoint(
    IEnumerable<IGrant> grants, ClientAuthenticator clients, BearerAuthentication bearer, SenderConstraint senders, IssuancePolicy policy, TokenIssuer issuer,
    Resources resources, IAudit audit)
{
    private readonly Dictionary<string, IGrant> _grants = grants.ToDictionary(grant => grant.GrantType, StringComparer.Ordinal);

    public IEnumerable<string> GrantTypes => _grants.Keys;

    public async Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken)
    {
        // 1. Read the form once; the grants never touch it.
        var request = await TokenRequest.ReadAsync(http.Request, resources, cancellationToken);
        if (!request.IsSuccess) return request.Error;

        // 2. Find the grant.
        if (request.Value.GrantType == "implicit") return OAuthError.InvalidGrant("Implicit grant type not supported from token endpoint");
        if (!_grants.TryGetValue(request.Value.GrantType, out var grant))
            return new OAuthError(400, "unsupported_grant_type", "Unsupported grant type");

        // 3. Authenticate the client (RFC 6749 §2.3) and check that it may use this grant; 401 here is UAA's way.
        var client = grant.BearerScope is { } scope
            ? await CallerAsync(http, request.Value, scope, cancellationToken)
            : await clients.AuthenticateAsync(http.Request, request.Value.Form, grant.AllowsPublicClients, cancellationToken);
        if (!client.IsSuccess) return client.Error;
        var standard = WireForm.IsStandard(client.Value.Client, grant);
        if (!client.Value.Client.GrantTypes.Contains(grant.GrantType, StringComparer.Ordinal)) return WireForm.GrantNotAllowed(standard);

        // 4. What the caller holds, before anything is spent: a key (RFC 9449) or a certificate (RFC 8705).
        var bound = await senders.ReadAsync(http.Request, client.Value.Client, cancellationToken);
        if (!bound.IsSuccess) return bound.Error;
        request.Value.Confirmation = bound.Value is { Jkt: null, X5t: null } ? null : bound.Value;

        // 5. The grant says who and what the tokens are for.
        var authorization = await grant.AuthorizeAsync(request.Value, client.Value, cancellationToken);
        if (!authorization.IsSuccess) return Refused(authorization.Error, client.Value.Client, null, request.Value, standard);

        // 6. Whatever the grant looked at: may this client have a token for this user now?
        var refusal = await policy.CheckAsync(authorization.Value.Client.Client, authorization.Value.User, cancellationToken);
        if (refusal is not null) return Refused(refusal, client.Value.Client, authorization.Value.User?.Id, request.Value, standard);

        // 7. Issue and answer.
        var issue = authorization.Value with
        {
            TokenFormat = request.Value.Form["token_format"] ?? authorization.Value.TokenFormat,
            Address = request.Value.Address,
            Confirmation = authorization.Value.Confirmation ?? request.Value.Confirmation,
        };
        return await issuer.IssueAsync(issue, standard, cancellationToken);
    }

    private OAuthError Refused(OAuthError error, Client client, string? userId, TokenRequest request, bool standard)
    {
        audit.Record(new AuditEvent("token.refused")
        {
            ClientId = client.Id,
            UserId = userId,
            Address = request.Address,
            Reason = $"{request.GrantType}: {error.Code}",
        });
        return WireForm.Of(error, standard);
    }

    private async Task<Result<AuthenticatedClient, OAuthError>> CallerAsync(HttpContext http, TokenRequest request, string scope, CancellationToken cancellationToken)
    {
        var token = await bearer.AuthenticateAsync(http, scope, cancellationToken: cancellationToken);
        if (!token.IsSuccess) return token.Error;
        request.Caller = token.Value;
        return new AuthenticatedClient(token.Value.Client, null);
    }
}
