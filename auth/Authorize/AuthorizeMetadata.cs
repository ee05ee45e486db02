using System.Text.Json;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Metadata;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;

namespace SecureMesh.Auth.Authorize;

/// <summary>What the authorization endpoint, pushed requests and id tokens can do.</summary>
internal sealed class AuthorizeMetadata(Current<TokenOptions> options) : IMetadata
{
    private static readonly string[] Protocol =
        ["sub", "iss", "aud", "azp", "iat", "exp", "auth_time", "jti", "nonce", "sid", "amr", "at_hash", "cid", "client_id", "zid", "grant_type", "scope", "rev_sig", "user_id"];

    public void Write(Utf8JsonWriter json, string address)
    {
        json.WriteString("authorization_endpoint", address + "/oauth/authorize");
        json.WriteString("pushed_authorization_request_endpoint", address + "/oauth/par");
        json.WriteBoolean("require_pushed_authorization_requests", options.Value.RequirePushedAuthorizationRequests);
        json.WriteList("response_types_supported", AuthorizationRequests.OfferedResponseTypes);
        json.WriteList("response_modes_supported", AuthorizationRequests.ResponseModes);
        json.WriteList("code_challenge_methods_supported", [Pkce.Method]);
        json.WriteList("prompt_values_supported", AuthorizationRequests.PromptValues);
        json.WriteBoolean("authorization_response_iss_parameter_supported", true);
        json.WriteList("id_token_signing_alg_values_supported", KeyRing.Algorithms);
        json.WriteList("claims_supported", Protocol.Union(IdTokens.ClaimNames, StringComparer.Ordinal));
        json.WriteBoolean("claims_parameter_supported", true);
        json.WriteBoolean("request_parameter_supported", false);
        // Left out it would mean true.
        json.WriteBoolean("request_uri_parameter_supported", false);
    }
}
