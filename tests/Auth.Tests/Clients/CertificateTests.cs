using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Clients;

public sealed class CertificateTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly X509Certificate2 _ca = Authority("CN=Clients");
    private DemoAuth _auth = null!;
    private string? _serverHash;

    public async ValueTask InitializeAsync()
    {
        _auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, Settings());
        await AddAsync("by-dn", new ClientMetadata { TokenEndpointAuthMethod = "tls_client_auth", TlsClientAuthSubjectDn = "CN=service\\, one,OU=Mesh,O=Example,C=DE" });
        await AddAsync("by-dns", new ClientMetadata { TokenEndpointAuthMethod = "tls_client_auth", TlsClientAuthSanDns = "service.example" });
        await AddAsync("by-uri", new ClientMetadata { TokenEndpointAuthMethod = "tls_client_auth", TlsClientAuthSanUri = "spiffe://mesh/service" });
    }

    public async ValueTask DisposeAsync()
    {
        await _auth.DisposeAsync();
        _folder.Dispose();
        _ca.Dispose();
    }

    [Fact]
    public async Task B_16_J_13_a_certificate_of_the_authority_with_the_registered_name_authenticates()
    {
        using var certificate = Issue("CN=\"service, one\", OU=Mesh, O=Example, C=DE");
        var reply = await AskAsync("by-dn", certificate);

        Assert.Equal(200, reply.Status);
        Assert.Equal("tls_client_auth", reply.Claims.GetProperty("client_auth_method").GetString());
        using var dns = Issue("CN=x", dns: "service.example");
        Assert.Equal(200, (await AskAsync("by-dns", dns)).Status);
        using var uri = Issue("CN=x", uri: "spiffe://mesh/service");
        Assert.Equal(200, (await AskAsync("by-uri", uri)).Status);
    }

    [Fact]
    public async Task V_063_J_13_certificates_of_others_and_of_nobody_are_refused()
    {
        const string name = "CN=\"service, one\", OU=Mesh, O=Example, C=DE";
        using var other = Issue("CN=\"service, two\", OU=Mesh, O=Example, C=DE");
        using var selfSigned = SelfSigned(name);
        using var foreignCa = Authority("CN=Clients");
        using var foreign = Issue(name, ca: foreignCa);
        using var forServers = Issue(name, use: "1.3.6.1.5.5.7.3.1");
        using var otherName = Issue("CN=x", dns: "other.example");
        foreach (var certificate in new[] { null, other, selfSigned, foreign, forServers }) Assert.Equal(401, (await AskAsync("by-dn", certificate)).Status);
        Assert.Equal(401, (await AskAsync("by-dns", otherName)).Status);
        Assert.Equal(401, (await AskAsync("by-uri", otherName)).Status);
    }

    [Fact]
    public async Task B_17_V_063_no_header_stands_in_for_a_certificate()
    {
        using var certificate = Issue("CN=\"service, one\", OU=Mesh, O=Example, C=DE");
        foreach (var url in new[] { Address("http:"), Address("https:") })
        {
            using var http = Client(url, null);
            using var request = Request("by-dn");
            foreach (var header in new[] { "X-Forwarded-Client-Cert", "X-SSL-CERT", "SSL_CLIENT_CERT", "Client-Cert", "X-ARR-ClientCert", "X-Client-Cert" })
                request.Headers.TryAddWithoutValidation(header, Convert.ToBase64String(certificate.RawData));
            Assert.Equal(HttpStatusCode.Unauthorized, (await http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
        }
    }

    [Fact]
    public async Task V_104_a_chain_counts_when_every_link_of_it_is_good()
    {
        const string name = "CN=\"service, one\", OU=Mesh, O=Example, C=DE";
        using var good = Issue(name);
        using var forged = WithBrokenSignature(good);
        // By an authority that is between, and is none; by a trusted one whose time is over while the certificate's is not.
        using var notAnAuthority = Issue("CN=Clients");
        using var byNobody = Issue(name, ca: notAnAuthority, anyway: true);
        using var outlives = Issue(name, until: DateTimeOffset.UtcNow.AddDays(60), anyway: true);

        Assert.Equal(200, (await AskAsync("by-dn", good)).Status);
        Assert.Equal(401, (await AskAsync("by-dn", forged)).Status);
        Assert.Equal(401, (await AskAsync("by-dn", byNobody)).Status);
        Assert.Equal(200, (await AskAsync("by-dn", outlives)).Status);
        _auth.Clock.Advance(TimeSpan.FromDays(31));
        Assert.Equal(401, (await AskAsync("by-dn", outlives)).Status);
    }

    [Fact]
    public async Task J_13_the_dates_of_a_certificate_count_by_the_clock_of_the_service()
    {
        using var certificate = Issue("CN=\"service, one\", OU=Mesh, O=Example, C=DE");
        Assert.Equal(200, (await AskAsync("by-dn", certificate)).Status);
        _auth.Clock.Advance(TimeSpan.FromHours(30));

        Assert.Equal(401, (await AskAsync("by-dn", certificate)).Status);
    }

    [Fact]
    public async Task J_13_a_self_signed_certificate_is_known_by_its_fingerprint()
    {
        using var certificate = SelfSigned("CN=anything");
        using var same = SelfSigned("CN=anything");
        await AddAsync("self", new ClientMetadata
        {
            TokenEndpointAuthMethod = "self_signed_tls_client_auth",
            Jwks = JsonSerializer.SerializeToElement(new { keys = new object[] { new { kty = "EC", x5c = new[] { Convert.ToBase64String(certificate.RawData) } } } }),
        });

        Assert.Equal("self_signed_tls_client_auth", (await AskAsync("self", certificate)).Claims.GetProperty("client_auth_method").GetString());
        Assert.Equal(401, (await AskAsync("self", same)).Status);
        _auth.Clock.Advance(TimeSpan.FromHours(30));
        Assert.Equal(401, (await AskAsync("self", certificate)).Status);
    }

    [Fact]
    public async Task J_14_a_token_bound_to_a_certificate_is_good_on_its_connections_alone()
    {
        using var certificate = SelfSigned("CN=bound");
        using var other = SelfSigned("CN=bound");
        var hash = ClientSecret.FromSha256(Convert.ToHexString(SHA256.HashData("generated"u8)));
        await AssertionTests.AddAsync(_auth, "bound", new ClientMetadata { TlsClientCertificateBoundAccessTokens = true }, hash);

        Assert.Equal((400, "invalid_request"), await RefusalAsync("bound", null, "generated"));
        var token = await AskAsync("bound", certificate, "generated");
        Assert.Equal(200, token.Status);
        Assert.Equal(Base64Url.EncodeToString(SHA256.HashData(certificate.RawData)), token.Claims.GetProperty("cnf").GetProperty("x5t#S256").GetString());
        Assert.Equal(200, await CurrentAsync("https:", certificate, token.AccessToken));
        Assert.Equal(401, await CurrentAsync("https:", other, token.AccessToken));
        Assert.Equal(401, await CurrentAsync("https:", null, token.AccessToken));
        Assert.Equal(401, await CurrentAsync("http:", null, token.AccessToken));
    }

    [Fact]
    public async Task J_15_the_addresses_for_certificates_are_advertised_while_the_listener_is_open()
    {
        using var http = Client(Address("http:"), null);
        var json = JsonDocument.Parse(await http.GetStringAsync("uaa/.well-known/openid-configuration", TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("https://mtls.example:8443/uaa/oauth/token", json.GetProperty("mtls_endpoint_aliases").GetProperty("token_endpoint").GetString());
        Assert.True(json.GetProperty("tls_client_certificate_bound_access_tokens").GetBoolean());
        Assert.Contains("tls_client_auth", json.Texts("token_endpoint_auth_methods_supported"));

        await using var closed = await DemoAuth.StartAsync();
        var plain = (await closed.GetAsync("uaa/.well-known/openid-configuration")).Json;
        Assert.False(plain.TryGetProperty("mtls_endpoint_aliases", out _));
        Assert.False(plain.GetProperty("tls_client_certificate_bound_access_tokens").GetBoolean());
        Assert.DoesNotContain("tls_client_auth", plain.Texts("token_endpoint_auth_methods_supported"));
    }

    [Fact]
    public async Task V_064_without_a_readable_authority_the_service_does_not_start()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        var (empty, wrong) = (Path.Combine(_folder.Path, "empty.pem"), Path.Combine(_folder.Path, "wrong.pem"));
        await File.WriteAllTextAsync(empty, "", TestContext.Current.CancellationToken);
        using (var leaf = SelfSigned("CN=leaf")) await File.WriteAllTextAsync(wrong, leaf.ExportCertificatePem(), TestContext.Current.CancellationToken);
        async Task<string> WithAsync(string ca) => await AuthProcess.RefusalAsync(database.Settings([.. Settings(), ("auth:tls:clientCa", ca)]));

        Assert.StartsWith("the authorities of auth:tls:clientCa cannot be read: ", await WithAsync(Path.Combine(_folder.Path, "missing.pem")), StringComparison.Ordinal);
        Assert.Equal($"auth:tls:clientCa ({empty}) holds no root certificate.", await WithAsync(empty));
        Assert.Equal("auth:tls:clientCa holds CN=leaf, which is no certificate of an authority.", await WithAsync(wrong));
        Assert.StartsWith("the authorities of auth:tls:clientCa cannot be read: ", await WithAsync(""), StringComparison.Ordinal);
    }

    private (string, string)[] Settings()
    {
        var (ca, certificate, key) = (Path.Combine(_folder.Path, "ca.pem"), Path.Combine(_folder.Path, "server.pem"), Path.Combine(_folder.Path, "server.key"));
        if (!File.Exists(ca))
        {
            File.WriteAllText(ca, _ca.ExportCertificatePem());
            using var server = SelfSigned("CN=localhost");
            _serverHash = server.GetCertHashString(HashAlgorithmName.SHA256);
            File.WriteAllText(certificate, server.ExportCertificatePem());
            File.WriteAllText(key, server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        }
        return
        [
            ("auth:tls:url", "https://127.0.0.1:0"), ("auth:tls:certificate", certificate), ("auth:tls:key", key), ("auth:tls:clientCa", ca),
            ("auth:tls:publicUrl", "https://mtls.example:8443"),
        ];
    }

    private Task AddAsync(string id, ClientMetadata metadata) => AssertionTests.AddAsync(_auth, id, metadata, secret: null);

    private Uri Address(string scheme) => new(_auth.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.First(address => address.StartsWith(scheme, StringComparison.Ordinal)));

    private static HttpRequestMessage Request(string client, string? secret = null) => new(HttpMethod.Post, "uaa/oauth/token")
    {
        Content = new FormUrlEncodedContent(
            [new("grant_type", "client_credentials"), new("client_id", client), .. secret is null ? Array.Empty<KeyValuePair<string, string>>() : [new("client_secret", secret)]]),
    };

    private async Task<Reply> AskAsync(string client, X509Certificate2? certificate, string? secret = null)
    {
        using var http = Client(Address("https:"), certificate);
        using var request = Request(client, secret);
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.ReadAsync(response);
    }

    private async Task<(int, string)> RefusalAsync(string client, X509Certificate2? certificate, string secret)
    {
        var reply = await AskAsync(client, certificate, secret);
        return (reply.Status, reply.Text("error"));
    }

    private async Task<int> CurrentAsync(string scheme, X509Certificate2? certificate, string token)
    {
        using var http = Client(Address(scheme), certificate);
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/users/current");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        return (int)(await http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode;
    }

    private HttpClient Client(Uri address, X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString(HashAlgorithmName.SHA256) == _serverHash;
        if (certificate is not null) handler.SslOptions.ClientCertificates = [certificate];
        if (certificate is not null) handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        return new HttpClient(handler) { BaseAddress = address };
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest(name, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    // The same names, dates and key, with one bit of the authority's signature changed.
    private static X509Certificate2 WithBrokenSignature(X509Certificate2 certificate)
    {
        var raw = certificate.RawData;
        raw[^1] ^= 1;
        using var changed = X509CertificateLoader.LoadCertificate(raw);
        using var key = certificate.GetECDsaPrivateKey()!;
        using var whole = changed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }

    /// <param name="name">The subject.</param>
    /// <param name="dns">An alternative name.</param>
    /// <param name="uri">An alternative name.</param>
    /// <param name="use">What it is for.</param>
    /// <param name="ca">Who issues it.</param>
    /// <param name="until">Its end.</param>
    /// <param name="anyway">Also when the issuer may not issue it.</param>
    private X509Certificate2 Issue(
        string name, string? dns = null, string? uri = null, string use = "1.3.6.1.5.5.7.3.2", X509Certificate2? ca = null, DateTimeOffset? until = null, bool anyway = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        var names = new SubjectAlternativeNameBuilder();
        if (dns is not null) names.AddDnsName(dns);
        if (uri is not null) names.AddUri(new Uri(uri));
        if (dns is not null || uri is not null) request.CertificateExtensions.Add(names.Build());
        var issuer = ca ?? _ca;
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1).AddHours(1), until ?? DateTimeOffset.UtcNow.AddDays(1));
        using var issuerKey = issuer.GetECDsaPrivateKey()!;
        using var certificate = anyway
            ? request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), from, to, Entropy.Bytes(8))
            : request.Create(issuer, from, to, Entropy.Bytes(8));
        using var whole = certificate.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }
}
