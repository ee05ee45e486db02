using Microsoft.Extensions.Options;
using SecureMesh.Auth.Audit;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token.Exchange;
using SecureMesh.Auth.Token.Trust;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Grants;

/// <summary>An assertion of an issuer that is trusted by configuration stands for the sign-in of a user (RFC 7523 §2.1).</summary>
internal sealed class JwtBearerGrant(
    TrustedIssuers trust, ForeignAssertions foreign, ExchangeTokens own, IUsedAssertions used, ScopePolicy scopes, IAudit audit, IOptions<MeshOptions> mesh) : IGrant
{
    public const string Name = "urn:ietf:params:oauth:grant-type:jwt-bearer";

    public string GrantType => Name;

    public async Task<Result<Authorization, OAuthError>> AuthorizeAsync(TokenRequest request, AuthenticatedClient client, CancellationToken cancellationToken)
    {
        if (request.Form["assertion"] is not { } text)
            return client.Client.Wire == "rfc" ? OAuthError.InvalidRequest("Missing parameter: assertion") : OAuthError.Unauthorized("Assertion is missing");
        var read = CompactJws.Read(text);
        if (!read.IsSuccess) return Bad(read.Error);
        var issuer = read.Value.Unverified.Text("iss") ?? "";
        var isOwn = issuer == mesh.Value.Issuer && trust.TakesOwnIdTokens;
        var trusted = isOwn ? null : trust.Find(issuer, client.Client);
        if (!isOwn && trusted is null)
            return OAuthError.Unauthorized($"Unable to map issuer, {OAuthError.Printable(issuer)} , to a single registered provider");

        var asserted = trusted is null ? await OwnAsync(text, client.Client, cancellationToken) : await foreign.VerifyAsync(trusted, read.Value, cancellationToken);
        if (!asserted.IsSuccess) return Bad(asserted.Error);
        var user = asserted.Value.User;
        var granted = await scopes.ForUserAsync(client.Client, user, request.Scopes, cancellationToken);
        if (!granted.IsSuccess) return granted.Error;
        // Spent last: what another client shows, or somebody without the key, spends nothing.
        if (!await used.TryUseAsync(client.Client.ZoneId, issuer, asserted.Value.Jti, asserted.Value.Until, cancellationToken)) return Bad("shown before");
        audit.Record(new AuditEvent("assertion.accepted") { ClientId = client.Client.Id, UserId = user.Id, Address = request.Address, Reason = OAuthError.Printable(issuer) });
        return new Authorization
        {
            Client = client,
            User = user,
            Scopes = granted.Value,
            Resources = request.Resources,
            GrantType = GrantType,
            AuthTime = asserted.Value.AuthTime,
            SessionId = asserted.Value.SessionId,
            Details = new SignInDetails { Amr = asserted.Value.Amr, TrustedIssuer = trusted?.Issuer },
        };
    }

    // An id token of ours, where a setting allows it: for the client that it was issued to.
    private async Task<Result<Asserted, string>> OwnAsync(string token, Client client, CancellationToken cancellationToken)
    {
        var shown = await own.ReadAsync("assertion", token, ExchangeTokens.IdToken, cancellationToken);
        if (!shown.IsSuccess) return shown.Error.Detail ?? "";
        var claims = shown.Value.Claims;
        if (shown.Value.Client.Id != client.Id) return "of another client";
        if (claims.Text("jti") is not { } jti || TokenClaims.Time(claims, "auth_time") is not { } authTime) return "no jti or no auth_time";
        return new Asserted(shown.Value.User!, jti, shown.Value.ExpiresAt, authTime, TokenClaims.Texts(claims, "amr"), claims.Text("sid"));
    }

    private static OAuthError Bad(string detail) => OAuthError.InvalidToken("The assertion is not acceptable", detail);
}
