using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Metadata;

namespace SecureMesh.Auth.Revocation;

/// <summary>RFC 8414 §2; public clients say their name alone.</summary>
internal sealed class RevocationMetadata(ClientAuthenticator clients) : IMetadata
{
    public void Write(Utf8JsonWriter json, string address)
    {
        json.WriteString("revocation_endpoint", address + "/oauth/revoke");
        json.WriteList("revocation_endpoint_auth_methods_supported", clients.Methods.Append("none").Distinct(StringComparer.Ordinal));
    }
}
