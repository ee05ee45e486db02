using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Protocol;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Metadata;

/// <summary>
/// What this service can do (OpenID Connect Discovery §3, RFC 8414 §2), read from what is registered. Addresses come from the
/// configured issuer, never from the request.
/// </summary>
internal sealed class MetadataEndpoint(TokenEndpoint token, ClientAuthenticator clients, IOptions<MeshOptions> mesh)
{
    private const string IssuerPath = "/oauth/token";

    public Task<IResult> HandleAsync(HttpContext http, CancellationToken cancellationToken) => Task.FromResult<IResult>(new Answer(Write, published: true));

    private void Write(Utf8JsonWriter json)
    {
        var issuer = mesh.Value.Issuer;
        var address = issuer.EndsWith(IssuerPath, StringComparison.Ordinal) ? issuer[..^IssuerPath.Length] : issuer.TrimEnd('/');
        json.WriteString("issuer", issuer);
        json.WriteString("token_endpoint", address + "/oauth/token");
        json.WriteString("jwks_uri", address + "/token_keys");
        json.WriteString("userinfo_endpoint", address + "/userinfo");
        json.WriteString("introspection_endpoint", address + "/introspect");
        List(json, "grant_types_supported", token.GrantTypes);
        // Required by both documents; empty as long as there is no authorization endpoint.
        List(json, "response_types_supported", []);
        List(json, "subject_types_supported", ["public"]);
        List(json, "token_endpoint_auth_methods_supported", clients.Methods);
        List(json, "introspection_endpoint_auth_methods_supported", clients.Methods);
        List(json, "scopes_supported", ["openid"]);
        List(json, "claim_types_supported", ["normal"]);
        List(json, "claims_supported",
        [
            "sub", "user_id", "user_name", "email", "origin", "iss", "auth_time", "client_id", "cid", "azp", "aud", "zid", "grant_type",
            "scope", "authorities", "iat", "exp", "jti", "rev_sig",
        ]);
        json.WriteBoolean("claims_parameter_supported", false);
        json.WriteBoolean("request_parameter_supported", false);
        json.WriteBoolean("request_uri_parameter_supported", false);
    }

    private static void List(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
