using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Clients.Administration;

/// <summary>What every registration must keep to, new or changed, by whomever (V-071).</summary>
internal sealed partial class ClientRules(TokenEndpoint tokens, ClientAuthenticator authentication, IOptions<MeshOptions> mesh)
{
    private const int LongestText = 255;
    private const int MostEntries = 200;
    private const string Implicit = "implicit";
    private const string Saml = "urn:ietf:params:oauth:grant-type:saml2-bearer";

    // As UAA: a client in its own name, or one that vouches for users, must have a secret of its own.
    private static readonly string[] NeedSecret = ["client_credentials", "password", Saml, "urn:ietf:params:oauth:grant-type:jwt-bearer"];
    private static readonly string[] NeedRedirect = ["authorization_code", Implicit];
    private static readonly string[] OwnAlgorithms = ["ES256", "RS256"];
    private static readonly string[] AssertionAlgorithms = ["ES256", "RS256", "PS256"];
    private static readonly string[] CertificateNames = ["tls_client_auth_subject_dn", "tls_client_auth_san_dns", "tls_client_auth_san_uri"];

    // What scopes of the mesh put into aud: a client of such an id would be told about everybody's tokens, and could use them.
    private static readonly string[] ResourceNames =
    [
        "openid", "scim", "uaa", "clients", "password", "oauth", "tokens", "zones", "idps", "sps", "groups", "approvals", "revocations", "passports", "sessions", "server",
    ];

    /// <summary>What is wrong with the registration; null when nothing is.</summary>
    public string? Fault(Client client) =>
        TextFault(client) ?? GrantFault(client) ?? ScopeFault(client) ?? CredentialFault(client) ?? AddressFault(client) ?? ChoiceFault(client);

    private static string? TextFault(Client client)
    {
        if (!ClientId().IsMatch(client.Id)) return "client_id must be 1 to 255 printable characters without space, quote, slash and backslash";
        if (ResourceNames.Contains(client.Id, StringComparer.Ordinal)) return $"client_id '{client.Id}' is reserved";
        // An id that begins so would forge an audience; one that is a UUID could be taken for a user's (B-29).
        if (IsMesh(client.Id)) return "client_id must not begin with mesh:";
        if (Guid.TryParse(client.Id, out _)) return "client_id must not be a UUID";
        if (client.Name.Length > LongestText || client.Name.Any(char.IsControl)) return "name must be no more than 255 characters in length, none of them a control character";
        return client.TokenSalt.Length > LongestText ? "token_salt is too long" : null;
    }

    private string? GrantFault(Client client)
    {
        string[] known = [.. tokens.GrantTypes.Append(Implicit).Append(Saml).Distinct().Order(StringComparer.Ordinal)];
        if (client.GrantTypes.Count == 0) return $"An authorized grant type must be provided. Must be one of: {string.Join(", ", known)}";
        if (client.GrantTypes.FirstOrDefault(grant => !known.Contains(grant, StringComparer.Ordinal)) is { } unknown)
            return $"{unknown} is not an allowed grant type. Must be one of: {string.Join(", ", known)}";
        return client.RedirectUris.Count == 0 && client.GrantTypes.Any(NeedRedirect.Contains)
            ? "At least one redirect_uri must be provided for the grant types authorization_code and implicit" : null;
    }

    private static string? ScopeFault(Client client)
    {
        if (client.Scopes.Count > MostEntries || client.Authorities.Count > MostEntries || client.AutoApprove.Count > MostEntries) return $"A client has at most {MostEntries} scopes";
        var groups = client.Metadata.RequiredUserGroups ?? [];
        if (client.Scopes.Concat(client.Authorities).Concat(client.AutoApprove).Concat(groups).FirstOrDefault(scope => !Words.IsScope(scope) || IsMesh(scope)) is { } bad)
            return $"{bad} cannot be a scope";
        return client.Authorities.FirstOrDefault(authority => authority.Contains('*', StringComparison.Ordinal)) is { } wild
            ? $"{wild} cannot be an authority: wildcards are for scope alone" : null;
    }

    private string? CredentialFault(Client client)
    {
        var metadata = client.Metadata;
        var method = metadata.TokenEndpointAuthMethod;
        var hasKeys = metadata.Jwks is not null || metadata.JwksUri is not null;
        var names = new[] { metadata.TlsClientAuthSubjectDn, metadata.TlsClientAuthSanDns, metadata.TlsClientAuthSanUri }.Count(name => name is not null);
        if (metadata.Jwks is not null && metadata.JwksUri is not null) return "jwks and jwks_uri exclude each other";
        if (metadata.Jwks is { } jwks && KeySetRules.Fault(jwks) is { } fault) return fault;
        if (names > 1) return $"Only one of {string.Join(", ", CertificateNames)} can be given";
        if (client.GrantTypes is [Implicit] && client.SecretHash is not null) return "Implicit grant should not have a client_secret";
        if (client.AllowPublic)
        {
            if (client.SecretHash is not null) return "A public client has no secret";
            if (method is not (null or "none")) return "A public client authenticates by none";
            return client.GrantTypes.FirstOrDefault(NeedSecret.Contains) is { } grant ? $"Client secret is required for grant type {grant}" : null;
        }
        var has = method switch
        {
            null => client.SecretHash is not null || hasKeys || names == 1 || client.GrantTypes is [Implicit],
            "none" => false,
            "client_secret_basic" or "client_secret_post" => client.SecretHash is not null,
            "private_key_jwt" or "self_signed_tls_client_auth" => hasKeys,
            "tls_client_auth" => names == 1,
            _ => false,
        };
        if (method is not (null or "none") && !authentication.Methods.Contains(method, StringComparer.Ordinal))
            return $"token_endpoint_auth_method must be one of: {string.Join(", ", authentication.Methods.Append("none").Distinct())}";
        if (has) return null;
        if (method == "none") return "Only a public client (allowpublic) authenticates by none";
        return method is null
            ? $"Client secret is required for grant type {client.GrantTypes.FirstOrDefault(NeedSecret.Contains) ?? client.GrantTypes[0]}"
            : $"The client has no credential for {method}";
    }

    private string? AddressFault(Client client)
    {
        var (metadata, demo) = (client.Metadata, mesh.Value.Demo);
        var native = metadata.ApplicationType == "native";
        if (client.RedirectUris.Count > MostEntries || metadata.PostLogoutRedirectUris?.Count > MostEntries) return $"A client has at most {MostEntries} redirect URIs";
        foreach (var uri in client.RedirectUris)
            if (RegisteredUris.RedirectFault(uri, native, demo) is { } fault) return $"redirect_uri {fault}: {uri}";
        foreach (var uri in metadata.PostLogoutRedirectUris ?? [])
            if (RegisteredUris.RedirectFault(uri, native, demo) is { } fault) return $"post_logout_redirect_uris {fault}: {uri}";
        foreach (var origin in metadata.AllowedCorsOrigins ?? [])
            if (RegisteredUris.OriginFault(origin, demo) is { } fault) return $"allowed_cors_origins {fault}: {origin}";
        // What this service calls; the demo's applications are on this machine.
        foreach (var (name, uri) in new[] { ("jwks_uri", metadata.JwksUri), ("backchannel_logout_uri", metadata.BackchannelLogoutUri) })
            if (uri is not null && RegisteredUris.HttpsFault(uri, loopback: demo) is { } fault) return $"{name} {fault}: {uri}";
        foreach (var (name, uri) in new[] { ("logo_uri", metadata.LogoUri), ("policy_uri", metadata.PolicyUri), ("tos_uri", metadata.TosUri) })
            if (uri is not null && RegisteredUris.HttpsFault(uri) is { } fault) return $"{name} {fault}: {uri}";
        return metadata.Additional?.Select(member => AdditionalFault(member.Key, member.Value)).FirstOrDefault(fault => fault is not null);
    }

    // Kept and given back unread, but somebody may make a link of it one day.
    private static string? AdditionalFault(string name, JsonElement value)
    {
        if (name == "jwt_creds") return "jwt_creds is not supported";
        // Everybody's subject is the same at every client; one who registers for pairs would believe otherwise.
        if (name == "sector_identifier_uri") return "sector_identifier_uri is not supported";
        if (name == "subject_type" && !(value.ValueKind == JsonValueKind.String && value.ValueEquals("public"))) return "subject_type must be public";
        if (!Address().IsMatch(name)) return null;
        foreach (var item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
        {
            if (item.ValueKind != JsonValueKind.String) return $"{name} must be a URL";
            var uri = item.GetString()!;
            if ((name == "initiate_login_uri" ? RegisteredUris.HttpsFault(uri) : RegisteredUris.LinkFault(uri)) is { } fault) return $"{name} {fault}: {uri}";
        }
        return null;
    }

    private static string? ChoiceFault(Client client)
    {
        var metadata = client.Metadata;
        (string Name, string? Value, string[] Known)[] choices =
        [
            ("wire", client.Wire, ["uaa", "rfc"]),
            ("application_type", metadata.ApplicationType, ["web", "native"]),
            ("token_format", metadata.TokenFormat, ["jwt", "opaque"]),
            ("profile", metadata.Profile, ["fapi2"]),
            ("id_token_signed_response_alg", metadata.IdTokenSignedResponseAlg, OwnAlgorithms),
            ("userinfo_signed_response_alg", metadata.UserInfoSignedResponseAlg, OwnAlgorithms),
            ("access_token_signed_response_alg", metadata.AccessTokenSignedResponseAlg, OwnAlgorithms),
            ("token_endpoint_auth_signing_alg", metadata.TokenEndpointAuthSigningAlg, AssertionAlgorithms),
        ];
        foreach (var (name, value, known) in choices)
            if (value is not null && !known.Contains(value, StringComparer.Ordinal)) return $"{name} must be one of: {string.Join(", ", known)}";
        return null;
    }

    private static bool IsMesh(string name) => name.StartsWith("mesh:", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\A[!#-.0-\[\]-~]{1,255}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ClientId();

    [GeneratedRegex("(_ur[il]s?|Ur[il]s?)\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Address();
}
