using System.Text.Json;
using System.Text.Json.Serialization;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// The fields of a registration that no query looks for, under their names on the wire: those of RFC 7591 §2 and of OpenID
/// Connect, and UAA's. What is not known is kept as it came and given back.
/// </summary>
internal sealed record ClientMetadata
{
    /// <summary>How the client must authenticate (RFC 7591 §2); null: in any way it has credentials for.</summary>
    [JsonPropertyName("token_endpoint_auth_method")] public string? TokenEndpointAuthMethod { get; init; }

    [JsonPropertyName("token_endpoint_auth_signing_alg")] public string? TokenEndpointAuthSigningAlg { get; init; }

    /// <summary>The client's public keys by value; never beside <see cref="JwksUri"/>.</summary>
    [JsonPropertyName("jwks")] public JsonElement? Jwks { get; init; }

    [JsonPropertyName("jwks_uri")] public string? JwksUri { get; init; }

    /// <summary><c>web</c> or <c>native</c>: a native client's loopback redirect may use any port (RFC 8252 §7.3).</summary>
    [JsonPropertyName("application_type")] public string? ApplicationType { get; init; }

    /// <summary>Whether each code needs a PKCE challenge; a public client needs it always. Null: as <c>auth:token:requirePkce</c> says.</summary>
    [JsonPropertyName("require_pkce")] public bool? RequirePkce { get; init; }

    /// <summary>Response modes beyond the usual: <c>fragment</c> for codes.</summary>
    [JsonPropertyName("response_modes")] public IReadOnlyList<string>? ResponseModes { get; init; }

    [JsonPropertyName("require_pushed_authorization_requests")] public bool RequirePushedAuthorizationRequests { get; init; }

    /// <summary>Every token is bound to a key of the client (RFC 9449 §5.2).</summary>
    [JsonPropertyName("dpop_bound_access_tokens")] public bool DpopBoundAccessTokens { get; init; }

    /// <summary>Every token is bound to the client's certificate (RFC 8705 §3.4).</summary>
    [JsonPropertyName("tls_client_certificate_bound_access_tokens")] public bool TlsClientCertificateBoundAccessTokens { get; init; }

    [JsonPropertyName("tls_client_auth_subject_dn")] public string? TlsClientAuthSubjectDn { get; init; }

    [JsonPropertyName("tls_client_auth_san_dns")] public string? TlsClientAuthSanDns { get; init; }

    [JsonPropertyName("tls_client_auth_san_uri")] public string? TlsClientAuthSanUri { get; init; }

    /// <summary>With the client's tokens users make and manage API tokens, which outlive the sign-in: for the mesh's own clients.</summary>
    [JsonPropertyName("api_tokens")] public bool ApiTokens { get; init; }

    /// <summary>Null: RS256 (OpenID Connect Registration §2).</summary>
    [JsonPropertyName("id_token_signed_response_alg")] public string? IdTokenSignedResponseAlg { get; init; }

    /// <summary>Userinfo answers a signed JWT (OpenID Connect Core §5.3.2); null: plain JSON.</summary>
    [JsonPropertyName("userinfo_signed_response_alg")] public string? UserInfoSignedResponseAlg { get; init; }

    /// <summary>Null: ES256.</summary>
    [JsonPropertyName("access_token_signed_response_alg")] public string? AccessTokenSignedResponseAlg { get; init; }

    /// <summary><c>jwt</c> or <c>opaque</c>; null: what the request says.</summary>
    [JsonPropertyName("token_format")] public string? TokenFormat { get; init; }

    [JsonPropertyName("post_logout_redirect_uris")] public IReadOnlyList<string>? PostLogoutRedirectUris { get; init; }

    [JsonPropertyName("backchannel_logout_uri")] public string? BackchannelLogoutUri { get; init; }

    [JsonPropertyName("backchannel_logout_session_required")] public bool BackchannelLogoutSessionRequired { get; init; }

    /// <summary><c>fapi2</c>: the rules of the FAPI 2.0 Security Profile.</summary>
    [JsonPropertyName("profile")] public string? Profile { get; init; }

    /// <summary>Services and clients for which the client may exchange tokens (RFC 8693), besides itself.</summary>
    [JsonPropertyName("token_exchange_audiences")] public IReadOnlyList<string>? TokenExchangeAudiences { get; init; }

    /// <summary>False: a refresh gives the same refresh token again, as UAA has it by default; clients without a secret rotate always. Null: as <c>auth:token:rotateRefreshTokens</c> says.</summary>
    [JsonPropertyName("refresh_token_rotation")] public bool? RefreshTokenRotation { get; init; }

    /// <summary>Origins of users the client serves; null: any.</summary>
    [JsonPropertyName("allowedproviders")] public IReadOnlyList<string>? AllowedProviders { get; init; }

    /// <summary>A user must be in all of these groups.</summary>
    [JsonPropertyName("required_user_groups")] public IReadOnlyList<string>? RequiredUserGroups { get; init; }

    /// <summary>Origins of pages that may call the token endpoint (CORS); null: those of the redirect URIs of a public client.</summary>
    [JsonPropertyName("allowed_cors_origins")] public IReadOnlyList<string>? AllowedCorsOrigins { get; init; }

    [JsonPropertyName("logo_uri")] public string? LogoUri { get; init; }

    [JsonPropertyName("policy_uri")] public string? PolicyUri { get; init; }

    [JsonPropertyName("tos_uri")] public string? TosUri { get; init; }

    /// <summary>Everything else that was registered.</summary>
    [JsonExtensionData] public Dictionary<string, JsonElement>? Additional { get; set; }

    public static ClientMetadata Parse(string json) => JsonSerializer.Deserialize(json, ClientMetadataJson.Default.ClientMetadata) ?? new();

    public string ToJson() => JsonSerializer.Serialize(this, ClientMetadataJson.Default.ClientMetadata);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(ClientMetadata))]
internal sealed partial class ClientMetadataJson : JsonSerializerContext;
