using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Inspection;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token.Exchange;

/// <summary>A token that was shown to be exchanged, or to say who acts.</summary>
/// <param name="Client">The client that holds it.</param>
/// <param name="User">Whom it stands for; null for a client in its own name.</param>
/// <param name="Claims">What it says.</param>
/// <param name="Scopes">What it allows: more does not come out of an exchange.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record ShownToken(Client Client, User? User, JsonElement Claims, IReadOnlyList<string> Scopes, DateTimeOffset ExpiresAt)
{
    public IReadOnlyList<string> Audience { get; } = TokenClaims.Texts(Claims, "aud");

    public string Subject => User?.Id ?? Client.Id;

    /// <summary>The key or certificate it is bound to; null when it is a bearer token.</summary>
    public Confirmation? Binding { get; } = TokenClaims.Object(Claims, "cnf") is not { } bound
        ? null : new Confirmation(TokenClaims.Text(bound, "jkt"), TokenClaims.Text(bound, "x5t#S256"));
}

/// <summary>Reads the tokens of an exchange (RFC 8693 §3): our own alone, access tokens of any form and id tokens.</summary>
internal sealed class ExchangeTokens(
    TokenVerifier verifier, OwnTokens own, KnownClients clients, IUsers users, ISessions sessions, RevocationState revocations)
{
    public const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";
    public const string Jwt = "urn:ietf:params:oauth:token-type:jwt";
    public const string IdToken = "urn:ietf:params:oauth:token-type:id_token";

    /// <summary>The token; or why it is not acceptable, which is one code for all reasons (§2.2.2).</summary>
    /// <param name="what"><c>subject_token</c> or <c>actor_token</c>.</param>
    /// <param name="token">Its value.</param>
    /// <param name="type">Its kind, as the caller says.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<ShownToken, OAuthError>> ReadAsync(string what, string token, string type, CancellationToken cancellationToken)
    {
        var shown = type switch
        {
            AccessToken => await AccessAsync(token, cancellationToken),
            // A JWT and nothing else: an access token of ours is one.
            Jwt => CompactJws.Read(token) is { IsSuccess: true } ? await AccessAsync(token, cancellationToken) : "no JWT",
            IdToken => await IdAsync(token, cancellationToken),
            _ => "a kind of token that is not exchanged",
        };
        return shown.IsSuccess ? shown.Value : OAuthError.InvalidRequest($"The {what} is not acceptable", shown.Error);
    }

    private async Task<Result<ShownToken, string>> AccessAsync(string token, CancellationToken cancellationToken)
    {
        var verified = await verifier.VerifyAsync(token, cancellationToken);
        if (!verified.IsSuccess) return verified.Error;
        // What comes of an exchange would not end with it at everyone who follows.
        if (verified.Value.IsApiToken) return "an API token";
        var (client, user, claims) = verified.Value;
        return TokenClaims.Time(claims, "exp") is { } expires ? new ShownToken(client, user, claims, verified.Value.Scopes, expires) : "no exp";
    }

    // What an access token is asked at each use, asked here of an id token, for which nobody else does.
    private async Task<Result<ShownToken, string>> IdAsync(string token, CancellationToken cancellationToken)
    {
        var verified = await own.VerifyAsync(token, "JWT", cancellationToken: cancellationToken);
        if (!verified.IsSuccess) return verified.Error;
        var claims = verified.Value;
        if (TokenClaims.Text(claims, "token_use") != "id") return "not an id token";
        if (await clients.FindAsync(Zone.Default, TokenClaims.Text(claims, "azp") ?? "", cancellationToken) is not { Enabled: true } client) return "client gone or disabled";
        if (await users.FindAsync(Zone.Default, TokenClaims.Text(claims, "sub") ?? "", cancellationToken) is not { Active: true } user) return "user gone or not active";
        if (TokenClaims.Text(claims, "rev_sig") is { } signature && signature != RevocationSignature.Of(client, user)) return "revocable signature mismatch";
        if (TokenClaims.Text(claims, "sid") is { } session && !await sessions.IsLiveAsync(session, cancellationToken)) return "the session has ended";
        var marks = TokenMarks.Of(claims, CompactJws.Read(token).Value!.Kid) with { ZoneId = client.ZoneId, ClientId = client.Id, UserId = user.Id };
        if (revocations.IsRevoked(marks)) return "revoked";
        // An id token says who somebody is and allows nothing else.
        return TokenClaims.Time(claims, "exp") is { } expires ? new ShownToken(client, user, claims, ["openid"], expires) : "no exp";
    }
}
