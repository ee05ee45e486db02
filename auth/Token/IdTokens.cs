using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Users;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Token;

/// <summary>Writes and signs id tokens (OpenID Connect Core §2), in the default mode with UAA's claims.</summary>
internal sealed class IdTokens(TokenSigner signer, IOptions<MeshOptions> mesh, TimeProvider time)
{
    // Those after which a person is there who signed in. A refresh keeps the grant of the sign-in.
    private static readonly string[] Grants = ["authorization_code", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"];
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(600);

    /// <summary>What can be told of a person, and the scope that allows it.</summary>
    private static readonly PersonClaim[] Person =
    [
        new("user_name", null, (json, user) => json.WriteString("user_name", user.UserName)),
        new("origin", null, (json, user) => json.WriteString("origin", user.Origin)),
        new("preferred_username", "profile", (json, user) => json.WriteString("preferred_username", user.UserName)),
        new("name", "profile", (json, user) => Text(json, "name", string.Join(' ', new[] { user.GivenName, user.FamilyName }.Where(part => !string.IsNullOrEmpty(part))))),
        new("given_name", "profile", (json, user) => Text(json, "given_name", user.GivenName)),
        new("family_name", "profile", (json, user) => Text(json, "family_name", user.FamilyName)),
        new("nickname", "profile", (json, user) => Text(json, "nickname", user.Attributes.NickName)),
        new("profile", "profile", (json, user) => Text(json, "profile", user.Attributes.ProfileUrl)),
        new("locale", "profile", (json, user) => Text(json, "locale", user.Attributes.Locale)),
        new("zoneinfo", "profile", (json, user) => Text(json, "zoneinfo", user.Attributes.Timezone)),
        new("address", "address", (json, user) => Address(json, user.Attributes.Address)),
        new("email", "email", (json, user) => Text(json, "email", user.Email)),
        new("email_verified", "email", (json, user) => { if (user.Email.Length > 0) json.WriteBoolean("email_verified", user.Verified); }),
        new("phone_number", "phone", (json, user) => Text(json, "phone_number", user.PhoneNumber)),
        // Nobody is asked to prove a number.
        new("phone_number_verified", "phone", (json, user) => { if (!string.IsNullOrEmpty(user.PhoneNumber)) json.WriteBoolean("phone_number_verified", false); }),
    ];

    // uaa.md §7.4: of openid alone, and of profile.
    private static readonly string[] WithOpenId = ["user_name", "origin", "email", "email_verified"];
    private static readonly string[] WithProfile = ["given_name", "family_name", "phone_number"];

    /// <summary>The names of the claims that a person's tokens can have, for the metadata.</summary>
    public static IEnumerable<string> ClaimNames => Person.Select(claim => claim.Name);

    /// <summary>What these scopes allow to be told of the user, for userinfo to clients of the standard (U-14).</summary>
    public static void WriteGranted(Utf8JsonWriter json, User user, IReadOnlyList<string> scopes)
    {
        foreach (var claim in Person.Where(claim => claim.Scope is not null && scopes.Contains(claim.Scope, StringComparer.Ordinal))) claim.Write(json, user);
    }

    /// <summary>The address, when the scopes allow it: in UAA's form of userinfo the only claim that needs a scope of its own.</summary>
    public static void WriteAddress(Utf8JsonWriter json, User user, IReadOnlyList<string> scopes)
    {
        if (scopes.Contains("address", StringComparer.Ordinal)) Address(json, user.Attributes.Address);
    }

    public static bool IsWanted(Authorization authorization) =>
        authorization.User is not null && authorization.Scopes.Contains("openid", StringComparer.Ordinal) && Grants.Contains(authorization.GrantType, StringComparer.Ordinal);

    /// <param name="authorization">For whom and whose.</param>
    /// <param name="accessLifetime">Of the access token beside it, which sets the end in the default mode.</param>
    /// <param name="accessToken">Issued with it, for <c>at_hash</c>; null when none is.</param>
    /// <param name="code">Answered with it, for <c>c_hash</c>; null when none is.</param>
    /// <param name="withClaims">The granted scopes' claims stand in it, because there is no token to ask for them with.</param>
    public string Write(Authorization authorization, TimeSpan accessLifetime, string? accessToken, string? code = null, bool withClaims = false)
    {
        var client = authorization.Client.Client;
        var standard = client.Wire == "rfc";
        var lifetime = standard && accessLifetime > Longest ? Longest : accessLifetime;
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            Protocol(json, authorization, time.GetUtcNow(), lifetime);
            if (accessToken is not null) json.WriteString("at_hash", HalfHash(accessToken));
            if (code is not null) json.WriteString("c_hash", HalfHash(code));
            if (!standard) Uaa(json, authorization);
            foreach (var claim in Person.Where(claim => IsTold(claim, authorization, standard, withClaims))) claim.Write(json, authorization.User!);
            json.WriteEndObject();
        }
        return signer.Sign("JWT", client.Metadata.IdTokenSignedResponseAlg ?? "RS256", buffer.WrittenSpan);
    }

    private void Protocol(Utf8JsonWriter json, Authorization authorization, DateTimeOffset now, TimeSpan lifetime)
    {
        var client = authorization.Client.Client;
        json.WriteString("iss", mesh.Value.Issuer);
        json.WriteString("sub", authorization.User!.Id);
        Array(json, "aud", [client.Id]);
        json.WriteString("azp", client.Id);
        json.WriteNumber("iat", now.ToUnixTimeSeconds());
        json.WriteNumber("exp", (now + lifetime).ToUnixTimeSeconds());
        json.WriteNumber("auth_time", (authorization.AuthTime ?? now).ToUnixTimeSeconds());
        json.WriteString("jti", Entropy.HexId());
        // Where typ is not looked at, this keeps it from being taken for an access token.
        json.WriteString("token_use", "id");
        if (authorization.Nonce is { } nonce) json.WriteString("nonce", nonce);
        if (authorization.SessionId is { } session) json.WriteString("sid", session);
        if (authorization.Details.Amr.Count > 0) Array(json, "amr", authorization.Details.Amr);
        if (authorization.Details.Acr is { } acr) json.WriteString("acr", acr);
    }

    private static void Uaa(Utf8JsonWriter json, Authorization authorization)
    {
        var client = authorization.Client.Client;
        json.WriteString("cid", client.Id);
        json.WriteString("client_id", client.Id);
        json.WriteString("zid", client.ZoneId);
        json.WriteString("grant_type", authorization.GrantType);
        json.WriteString("rev_sig", RevocationSignature.Of(client, authorization.User));
        Array(json, "scope", ["openid"]);
        if (authorization.User!.PreviousLogonAt is { } previous && Has(authorization, "profile")) json.WriteNumber("previous_logon_time", previous.ToUnixTimeMilliseconds());
    }

    // A claim that the request names is still one of a scope: the parameter picks, it opens nothing (O-05).
    private static bool IsTold(PersonClaim claim, Authorization authorization, bool standard, bool withClaims)
    {
        if (!standard && WithOpenId.Contains(claim.Name, StringComparer.Ordinal)) return true;
        if (!standard && WithProfile.Contains(claim.Name, StringComparer.Ordinal) && Has(authorization, "profile")) return true;
        return claim.Scope is not null && Has(authorization, claim.Scope) && (withClaims || IsNamed(authorization, claim.Name));
    }

    private static bool IsNamed(Authorization authorization, string claim) =>
        authorization.Details.Claims is { } claims && claims.TryGetProperty("id_token", out var idToken) && idToken.ValueKind == JsonValueKind.Object
        && idToken.TryGetProperty(claim, out _);

    private static bool Has(Authorization authorization, string scope) => authorization.Scopes.Contains(scope, StringComparer.Ordinal);

    // The left half of SHA-256, which both RS256 and ES256 have (OpenID Connect Core §3.1.3.6).
    private static string HalfHash(string value) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(value)).AsSpan(0, 16));

    private static void Text(Utf8JsonWriter json, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value)) json.WriteString(name, value);
    }

    // OpenID Connect Core §5.1.1: the words of SCIM in another spelling.
    private static void Address(Utf8JsonWriter json, UserAddress? address)
    {
        if (address is null) return;
        json.WriteStartObject("address");
        Text(json, "formatted", address.Formatted);
        Text(json, "street_address", address.StreetAddress);
        Text(json, "locality", address.Locality);
        Text(json, "region", address.Region);
        Text(json, "postal_code", address.PostalCode);
        Text(json, "country", address.Country);
        json.WriteEndObject();
    }

    private static void Array(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private sealed record PersonClaim(string Name, string? Scope, Action<Utf8JsonWriter, User> Write);
}
