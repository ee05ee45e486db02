using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>Writes and signs access tokens: JWTs (RFC 9068) with UAA's claims.</summary>
internal sealed class AccessTokens(TokenSigner signer, IOptions<MeshOptions> mesh)
{
    private const string Gateway = "mesh://gateway";

    public string Write(Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt)
    {
        using var buffer = JsonBuffer.ForClaims();
        Claims(buffer.Json, authorization, jti, issuedAt, expiresAt, revocable: false);
        return signer.Sign("at+jwt", authorization.Client.Client.Metadata.AccessTokenSignedResponseAlg ?? "ES256", buffer.Written);
    }

    /// <summary>The claims alone.</summary>
    /// <param name="authorization">What the grant found out.</param>
    /// <param name="jti">Names the token.</param>
    /// <param name="issuedAt">Claim <c>iat</c>.</param>
    /// <param name="expiresAt">Claim <c>exp</c>.</param>
    /// <param name="revocable">The token is stored (uaa.md §7.2).</param>
    public string Claims(Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt, bool revocable)
    {
        using var buffer = JsonBuffer.ForClaims();
        Claims(buffer.Json, authorization, jti, issuedAt, expiresAt, revocable);
        return Encoding.UTF8.GetString(buffer.Written);
    }

    private void Claims(Utf8JsonWriter json, Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt, bool revocable)
    {
        var client = authorization.Client.Client;
        json.WriteStartObject();
        json.WriteString("jti"u8, jti);
        json.WriteString("sub"u8, authorization.User?.Id ?? client.Id);
        if (authorization.User is null) Array(json, "authorities"u8, client.Authorities);
        Array(json, "scope"u8, authorization.Scopes);
        json.WriteString("client_id"u8, client.Id);
        json.WriteString("cid"u8, client.Id);
        json.WriteString("azp"u8, client.Id);
        json.WriteString("grant_type"u8, authorization.GrantType);
        if (authorization.Client.Method is { } method) json.WriteString("client_auth_method"u8, method);
        if (authorization.User is { } user)
        {
            json.WriteString("user_id"u8, user.Id);
            json.WriteString("user_name"u8, user.UserName);
            if (user.Email.Length > 0) json.WriteString("email"u8, user.Email);
            json.WriteString("origin"u8, user.Origin);
            json.WriteNumber("auth_time"u8, (authorization.AuthTime ?? issuedAt).ToUnixTimeSeconds());
        }
        Origin(json, authorization);
        json.WriteString("rev_sig"u8, RevocationSignature.Of(client, authorization.User));
        json.WriteNumber("iat"u8, issuedAt.ToUnixTimeSeconds());
        json.WriteNumber("exp"u8, expiresAt.ToUnixTimeSeconds());
        json.WriteString("iss"u8, mesh.Value.Issuer);
        json.WriteString("zid"u8, client.ZoneId);
        // Tells an access token from an id token for verifiers that cannot look at typ.
        json.WriteString("token_use"u8, "access");
        if (revocable) json.WriteBoolean("revocable"u8, true);
        Array(json, "aud"u8, authorization.Resources.Count > 0 ? authorization.Resources : Audience(client.Id, authorization.Scopes));
        json.WriteEndObject();
    }

    /// <summary>Where the token comes from: what it ends with, what it is bound to, and who acts with it.</summary>
    private static void Origin(Utf8JsonWriter json, Authorization authorization)
    {
        // What the user agreed to while away does not end with the session.
        if (authorization is { SessionId: { } session, Details.Offline: false }) json.WriteString("sid"u8, session);
        if (authorization.GrantId is { } grant) json.WriteString("grant_id"u8, grant);
        if (authorization.Nonce is { } nonce) json.WriteString("nonce"u8, nonce);
        if (authorization.Details.Amr.Count > 0) Array(json, "amr"u8, authorization.Details.Amr);
        if (authorization.Details.Acr is { } acr) json.WriteString("acr"u8, acr);
        if (authorization.Details.AzAttr is { } attributes)
        {
            json.WritePropertyName("az_attr"u8);
            attributes.WriteTo(json);
        }
        if (authorization.Actor is { } actor)
        {
            json.WritePropertyName("act"u8);
            json.WriteRawValue(actor);
        }
        if (authorization.Confirmation is not { } bound) return;
        json.WriteStartObject("cnf"u8);
        if (bound.Jkt is not null) json.WriteString("jkt"u8, bound.Jkt);
        if (bound.X5t is not null) json.WriteString("x5t#S256"u8, bound.X5t);
        json.WriteEndObject();
    }

    /// <summary>UAA's list: the client, and of each scope what stands before its last dot; and the gateway.</summary>
    public static IReadOnlyList<string> Audience(string clientId, IEnumerable<string> scopes)
    {
        var audience = new List<string> { clientId };
        foreach (var scope in scopes)
        {
            var dot = scope.LastIndexOf('.');
            var name = scope switch { "uaa.none" => null, "openid" => "openid", _ when dot > 0 => scope[..dot], _ => null };
            if (name is not null && !audience.Contains(name, StringComparer.Ordinal)) audience.Add(name);
        }
        audience.Add(Gateway);
        return audience;
    }

    private static void Array(Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        for (var i = 0; i < values.Count; i++) json.WriteStringValue(values[i]);
        json.WriteEndArray();
    }
}
