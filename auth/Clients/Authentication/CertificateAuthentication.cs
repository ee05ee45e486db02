using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Keys;
using SecureMesh.Auth.Metadata;

namespace SecureMesh.Auth.Clients;

/// <summary>
/// <c>tls_client_auth</c> and <c>self_signed_tls_client_auth</c> (RFC 8705 §2): the certificate of the connection, for clients that
/// are registered for it. A certificate beside another way binds tokens and authenticates nobody.
/// </summary>
internal sealed class CertificateAuthentication(ClientAuthorities authorities, ClientKeys keys, IOptions<TlsOptions> options, TimeProvider time) : IMetadata
{
    private const string ByAuthority = "tls_client_auth";
    private const string ByFingerprint = "self_signed_tls_client_auth";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    public IEnumerable<string> Methods => options.Value.IsOpen ? [ByAuthority, ByFingerprint] : [];

    public bool IsFor(Client client) => client.Metadata.TokenEndpointAuthMethod is ByAuthority or ByFingerprint;

    /// <summary>The method by which the connection's certificate is that of the client; null when it is not.</summary>
    public async Task<string?> VerifyAsync(HttpRequest request, Client client, CancellationToken cancellationToken)
    {
        if (!options.Value.IsOpen || ClientCertificate.Of(request) is not { } certificate) return null;
        var now = time.GetUtcNow();
        if (certificate.NotBefore.ToUniversalTime() > now.UtcDateTime || certificate.NotAfter.ToUniversalTime() < now.UtcDateTime) return null;
        var method = client.Metadata.TokenEndpointAuthMethod;
        var good = method == ByAuthority
            ? IsNamed(client.Metadata, certificate) && IsIssued(certificate, now)
            : await keys.AllAsync(client, cancellationToken) is { } set && IsRegistered(set, certificate);
        return good ? method : null;
    }

    public void Write(Utf8JsonWriter json, string address)
    {
        json.WriteBoolean("tls_client_certificate_bound_access_tokens", options.Value.IsOpen);
        if (options.Value is not { IsOpen: true, PublicUrl: { } url }) return;
        json.WriteStartObject("mtls_endpoint_aliases");
        foreach (var (name, path) in new[]
        {
            ("token_endpoint", "/oauth/token"), ("userinfo_endpoint", "/userinfo"), ("introspection_endpoint", "/introspect"),
            ("pushed_authorization_request_endpoint", "/oauth/par"), ("device_authorization_endpoint", "/oauth/device_authorization"),
        })
            json.WriteString(name, url.TrimEnd('/') + "/uaa" + path);
        json.WriteEndObject();
    }

    // Exactly one of the registered names counts (§2.1.2): the first that stands there, letter by letter.
    private static bool IsNamed(ClientMetadata client, X509Certificate2 certificate) =>
        client.TlsClientAuthSubjectDn is { } subject ? ClientCertificate.Subject(certificate) == subject
        : client.TlsClientAuthSanDns is { } dns ? ClientCertificate.DnsNames(certificate).Contains(dns, StringComparer.Ordinal)
        : client.TlsClientAuthSanUri is { } uri && ClientCertificate.Uris(certificate).Contains(uri, StringComparer.Ordinal);

    private bool IsIssued(X509Certificate2 certificate, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities.Roots);
        chain.ChainPolicy.ExtraStore.AddRange(authorities.Intermediates);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientUse));
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        // Nothing in a certificate says where to ask for anything.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        return chain.Build(certificate);
    }

    private static bool IsRegistered(JsonElement set, X509Certificate2 certificate)
    {
        if (set.ValueKind != JsonValueKind.Object || !set.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) return false;
        var thumbprint = ClientCertificate.Thumbprint(certificate);
        var whole = Convert.ToBase64String(certificate.RawData);
        return list.EnumerateArray().Any(jwk => Same(jwk.Text("x5t#S256"), thumbprint)
            || (jwk.ValueKind == JsonValueKind.Object && jwk.TryGetProperty("x5c", out var chain) && chain.ValueKind == JsonValueKind.Array
                && chain.GetArrayLength() > 0 && chain[0].ValueKind == JsonValueKind.String && Same(chain[0].GetString(), whole)));
    }

    private static bool Same(string? registered, string shown) =>
        registered is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(registered), Encoding.UTF8.GetBytes(shown));
}
