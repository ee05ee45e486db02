using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Token.Device;
using SecureMesh.Auth.Token.Grants;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>Issues what a grant authorized and writes the answer (RFC 6749 §5.1).</summary>
internal sealed class TokenIssuer(
    AccessTokens accessTokens, IdTokens idTokens, RefreshFamilies families, RevocationState revocations, IOpaqueTokens opaque, Current<TokenOptions> options,
    IssueLog log)
{
    // The grants of users after which UAA gives a refresh token, when the client is registered for it.
    private static readonly string[] Renewable = ["password", "authorization_code", "user_token", DeviceAuthorizations.GrantType, JwtBearerGrant.Name];

    /// <param name="authorization">What the grant found out.</param>
    /// <param name="standard">The answer follows the RFCs where UAA differs.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IResult> IssueAsync(Authorization authorization, bool standard, CancellationToken cancellationToken)
    {
        // One moment for all: who is revoked while he waits for it gets nothing that lives.
        var now = await IssueTimeAsync(authorization, cancellationToken);
        // Stored before it is answered: what the client has read survives the end of this process.
        var refreshToken = authorization.RefreshToken;
        if (refreshToken is null && MayRenew(authorization))
        {
            // The family's name stands in the access token too, so that both end together.
            authorization = authorization with { GrantId = authorization.GrantId ?? Entropy.HexId() };
            refreshToken = await families.StartAsync(authorization, now, cancellationToken);
        }

        if (authorization.WithoutAccessToken)
        {
            log.Issued(authorization, authorization.GrantId!);
            return RefreshTokenAlone(authorization, refreshToken!, Lifetime(authorization, now));
        }

        var access = await AccessAsync(authorization, now, cancellationToken);
        var idToken = IdTokens.IsWanted(authorization) ? idTokens.Write(authorization, access.Lifetime, access.Token) : null;
        return new Answer(json =>
        {
            json.WriteString("access_token", access.Token);
            json.WriteString("token_type", authorization.Confirmation?.Jkt is not null ? "DPoP" : standard ? "Bearer" : "bearer");
            if (authorization.IssuedTokenType is { } issued) json.WriteString("issued_token_type", issued);
            if (refreshToken is not null) json.WriteString("refresh_token", refreshToken);
            if (idToken is not null) json.WriteString("id_token", idToken);
            json.WriteNumber("expires_in", (long)access.Lifetime.TotalSeconds);
            json.WriteString("scope", Words.Join(authorization.Scopes));
            json.WriteString("jti", access.Jti);
        });
    }

    /// <summary>An access token alone: at the authorization endpoint there is nothing to renew with.</summary>
    /// <param name="authorization">What was found out.</param>
    /// <param name="now">The moment to date it: <see cref="IssueTimeAsync"/>, asked once for all that is issued together.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IssuedAccess> AccessAsync(Authorization authorization, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var client = authorization.Client.Client;
        var lifetime = Lifetime(authorization, now);
        var jti = Entropy.HexId();
        var token = (authorization.TokenFormat ?? client.Metadata.TokenFormat) == "opaque"
            ? await StoreAsync(authorization, jti, now, now + lifetime, cancellationToken)
            : accessTokens.Write(authorization, jti, now, now + lifetime);
        log.Issued(authorization, jti);
        return new IssuedAccess(token, jti, lifetime);
    }

    /// <summary>The moment to date what is issued for it now; after a revocation of that very second it comes only with the next one.</summary>
    public ValueTask<DateTimeOffset> IssueTimeAsync(Authorization authorization, CancellationToken cancellationToken) =>
        revocations.IssueTimeAsync(authorization.Client.Client.ZoneId, authorization.Client.Client.Id, authorization.User?.Id, cancellationToken);

    // The claims are kept here; the client gets 256 random bits, of which only the hash is stored (T-04, T-14).
    private async Task<string> StoreAsync(Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt, CancellationToken cancellationToken)
    {
        var (token, client) = (OpaqueForm.NewToken(), authorization.Client.Client);
        var claims = accessTokens.Claims(authorization, jti, issuedAt, expiresAt, revocable: true);
        await opaque.AddAsync(new OpaqueToken(OpaqueForm.Hash(token), client.ZoneId, jti, client.Id, authorization.User?.Id, claims, issuedAt, expiresAt), cancellationToken);
        return token;
    }

    /// <summary>How long its access tokens live.</summary>
    public TimeSpan Lifetime(Authorization authorization, DateTimeOffset now)
    {
        var lifetime = authorization.Client.Client.AccessTokenValidity ?? options.Value.AccessTokenLifetime;
        if (lifetime > TokenOptions.LongestAccess) lifetime = TokenOptions.LongestAccess;
        // In whole seconds, as exp and iat are: it ends with what it was made from.
        var second = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
        if (authorization.ExpiresNoLater is not { } end || second + lifetime <= end) return lifetime;
        return end > second ? end - second : TimeSpan.Zero;
    }

    // uaa.md §1.3: the access token is null, and jti names the refresh token.
    private static Answer RefreshTokenAlone(Authorization authorization, string refreshToken, TimeSpan lifetime) => new(json =>
    {
        json.WriteNull("access_token");
        json.WriteString("token_type", "bearer");
        json.WriteString("refresh_token", refreshToken);
        json.WriteNumber("expires_in", (long)lifetime.TotalSeconds);
        json.WriteString("scope", Words.Join(authorization.Scopes));
        json.WriteString("jti", authorization.GrantId);
    });

    private bool MayRenew(Authorization authorization) =>
        authorization.User is not null && Renewable.Contains(authorization.GrantType, StringComparer.Ordinal)
        && (!options.Value.RefreshTokenNeedsOfflineAccess || authorization.Scopes.Contains("offline_access", StringComparer.Ordinal))
        && (!options.Value.RefreshNeedsOfflineToken || authorization.WithoutAccessToken || authorization.Scopes.Contains("uaa.offline_token", StringComparer.Ordinal))
        && authorization.Client.Client.GrantTypes.Contains("refresh_token", StringComparer.Ordinal);
}

/// <summary>An access token that was just issued.</summary>
internal sealed record IssuedAccess(string Token, string Jti, TimeSpan Lifetime);
