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
internal sealed class MetadataEndpoint(TokenEndpoint token, ClientAuthenticator clients, IEnumerable<IMetadata> parts, IOptions<MeshOptions> mesh)
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
        json.WriteList("grant_types_supported", token.GrantTypes);
        json.WriteList("subject_types_supported", ["public"]);
        json.WriteList("token_endpoint_auth_methods_supported", clients.Methods);
        json.WriteList("token_endpoint_auth_signing_alg_values_supported", AssertionAuthentication.Algorithms);
        json.WriteList("introspection_endpoint_auth_methods_supported", clients.ConfidentialMethods);
        json.WriteList("introspection_endpoint_auth_signing_alg_values_supported", AssertionAuthentication.Algorithms);
        json.WriteList("scopes_supported", ["openid", "profile", "email", "address", "phone", "offline_access"]);
        json.WriteList("claim_types_supported", ["normal"]);
        foreach (var part in parts) part.Write(json, address);
    }
}
