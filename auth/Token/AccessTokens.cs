using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>Writes and signs access tokens: JWTs (RFC 9068) with UAA's claims.</summary>
internal sealed class AccessTokens(TokenSigner signer, IOptions<MeshOptions> mesh)
{
    private const string Gateway = "mesh://gateway";

    public string Write(Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt) => signer.Sign(
        "at+jwt", authorization.Client.Client.Metadata.AccessTokenSignedResponseAlg ?? "ES256", Claims(authorization, jti, issuedAt, expiresAt, revocable: false).Span);

    /// <summary>The claims alone, in UTF-8.</summary>
    /// <param name="authorization">What the grant found out.</param>
    /// <param name="jti">Names the token.</param>
    /// <param name="issuedAt">Claim <c>iat</c>.</param>
    /// <param name="expiresAt">Claim <c>exp</c>.</param>
    /// <param name="revocable">The token is stored (uaa.md §7.2).</param>
    public ReadOnlyMemory<byte> Claims(Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt, bool revocable)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer)) Claims(json, authorization, jti, issuedAt, expiresAt, revocable);
        return buffer.WrittenMemory;
    }

    private void Claims(Utf8JsonWriter json, Authorization authorization, string jti, DateTimeOffset issuedAt, DateTimeOffset expiresAt, bool revocable)
    {
        var client = authorization.Client.Client;
        json.WriteStartObject();
        json.WriteString("jti", jti);
        json.WriteString("sub", authorization.User?.Id ?? client.Id);
        if (authorization.User is null) Array(json, "authorities", client.Authorities);
        Array(json, "scope", authorization.Scopes);
        json.WriteString("client_id", client.Id);
        json.WriteString("cid", client.Id);
        json.WriteString("azp", client.Id);
        json.WriteString("grant_type", authorization.GrantType);
        if (authorization.Client.Method is { } method) json.WriteString("client_auth_method", method);
        if (authorization.User is { } user)
        {
            json.WriteString("user_id", user.Id);
            json.WriteString("user_name", user.UserName);
            if (user.Email.Length > 0) json.WriteString("email", user.Email);
            json.WriteString("origin", user.Origin);
            json.WriteNumber("auth_time", (authorization.AuthTime ?? issuedAt).ToUnixTimeSeconds());
        }
        Origin(json, authorization);
        json.WriteString("rev_sig", RevocationSignature.Of(client, authorization.User));
        json.WriteNumber("iat", issuedAt.ToUnixTimeSeconds());
        json.WriteNumber("exp", expiresAt.ToUnixTimeSeconds());
        json.WriteString("iss", mesh.Value.Issuer);
        json.WriteString("zid", client.ZoneId);
        // Tells an access token from an id token for verifiers that cannot look at typ.
        json.WriteString("token_use", "access");
        if (revocable) json.WriteBoolean("revocable", true);
        Array(json, "aud", authorization.Resources.Count > 0 ? authorization.Resources : Audience(client.Id, authorization.Scopes));
        json.WriteEndObject();
    }

    /// <summary>Where the token comes from: what it ends with, what it is bound to, and who acts with it.</summary>
    private static void Origin(Utf8JsonWriter json, Authorization authorization)
    {
        // What the user agreed to while away does not end with the session.
        if (authorization is { SessionId: { } session, Details.Offline: false }) json.WriteString("sid", session);
        if (authorization.GrantId is { } grant) json.WriteString("grant_id", grant);
        if (authorization.Nonce is { } nonce) json.WriteString("nonce", nonce);
        if (authorization.Details.Amr.Count > 0) Array(json, "amr", authorization.Details.Amr);
        if (authorization.Details.Acr is { } acr) json.WriteString("acr", acr);
        if (authorization.Details.AzAttr is { } attributes)
        {
            json.WritePropertyName("az_attr");
            attributes.WriteTo(json);
        }
        if (authorization.Actor is { } actor)
        {
            json.WritePropertyName("act");
            json.WriteRawValue(actor);
        }
        if (authorization.Confirmation is not { } bound) return;
        json.WriteStartObject("cnf");
        if (bound.Jkt is not null) json.WriteString("jkt", bound.Jkt);
        if (bound.X5t is not null) json.WriteString("x5t#S256", bound.X5t);
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

    private static void Array(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
