using System.Buffers.Text;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>Tokens that are bound to a certificate (RFC 8705), over real TLS.</summary>
public sealed class AccessCertificateTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly X509Certificate2 _certificate = Certificate("holder");
    private readonly X509Certificate2 _other = Certificate("somebody else");
    private Door _door = null!;
    private Backend _account = null!;
    private Uri _url = null!;

    public async ValueTask InitializeAsync()
    {
        using var gateway = Certificate("gateway");
        _door = await Door.OpenAsync(
            ("gateway:tls:certificate", _folder.Write("tls.crt", gateway.ExportCertificatePem())),
            ("gateway:tls:key", _folder.Write("tls.key", gateway.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())), ("urls", "https://127.0.0.1:0"));
        _account = await _door.AddAsync("account-service");
        var address = _door.Gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        _url = new UriBuilder(address) { Host = "localhost" }.Uri;
    }

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        _certificate.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    private static X509Certificate2 Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static string Thumbprint(X509Certificate2 certificate) => Base64Url.EncodeToString(certificate.GetCertHash(HashAlgorithmName.SHA256));

    private string Bound(X509Certificate2 certificate) =>
        _door.Issuer.Token(("scope", new[] { "ui" }), ("cnf", new Dictionary<string, object> { ["x5t#S256"] = Thumbprint(certificate) }));

    private async Task<string> TryAsync(string authorization, X509Certificate2? certificate, params (string Name, string Value)[] headers)
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=gateway";
        if (certificate is not null) handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true);
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_url, "/accounts/current"));
        request.Headers.TryAddWithoutValidation("Authorization", authorization);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await http.SendAsync(request, TestContext.Current.CancellationToken).OutcomeAsync();
    }

    [Fact]
    public async Task A_bound_token_opens_on_a_connection_with_its_certificate_and_on_no_other()
    {
        var token = "Bearer " + Bound(_certificate);

        for (var i = 0; i < 2; i++) // unknown, and known
        {
            Assert.Equal("401 proof_invalid", await TryAsync(token, null));
            Assert.Equal("401 proof_invalid", await TryAsync(token, _other));
            Assert.Equal("200", await TryAsync(token, _certificate));
        }
        Assert.Equal(2, _account.Requests.Count);
        Assert.Equal("200", await TryAsync("Bearer " + _door.Issuer.UserToken("alice", "ui"), _other)); // a token that is bound to nothing
    }

    [Theory]
    [InlineData("X-Client-Cert")]
    [InlineData("Client-Cert")]
    [InlineData("X-ARR-ClientCert")]
    [InlineData("X-SSL-Client-Cert")]
    [InlineData("X-Forwarded-Client-Cert")]
    public async Task V_102_no_header_stands_in_for_the_certificate(string header)
    {
        var token = "Bearer " + Bound(_certificate);
        foreach (var value in new[] { Convert.ToBase64String(_certificate.RawData), ":" + Convert.ToBase64String(_certificate.RawData) + ":", Uri.EscapeDataString(_certificate.ExportCertificatePem()), "Hash=" + _certificate.GetCertHashString(HashAlgorithmName.SHA256) })
        {
            Assert.Equal("401 proof_invalid", await TryAsync(token, null, (header, value)));
            Assert.Equal("401 proof_invalid", await TryAsync(token, _other, (header, value)));
        }
        Assert.Empty(_account.Requests);
    }

    [Fact]
    public async Task A_token_that_is_bound_to_a_certificate_is_no_DPoP_token_and_one_bound_to_both_needs_both()
    {
        var key = new SigningKey();
        var both = _door.Issuer.Token(("scope", new[] { "ui" }), ("cnf", new Dictionary<string, object> { ["x5t#S256"] = Thumbprint(_certificate), ["jkt"] = key.Kid }));
        Assert.Equal("401 proof_invalid", await TryAsync("DPoP " + Bound(_certificate), _certificate));
        Assert.Equal("401 proof_invalid", await TryAsync("Bearer " + both, _certificate));
        Assert.Equal("401 proof_invalid", await TryAsync("DPoP " + both, _certificate));
        Assert.Equal("401 proof_invalid", await TryAsync("DPoP " + both, null, ("DPoP", Proof(both, key))));
        Assert.Equal("200", await TryAsync("DPoP " + both, _certificate, ("DPoP", Proof(both, key))));
    }

    private static string Proof(string token, SigningKey key)
    {
        var header = new { alg = "ES256", typ = "dpop+jwt", jwk = new { kty = "EC", crv = "P-256", x = key.X, y = key.Y } };
        var claims = new
        {
            jti = Guid.NewGuid(),
            htm = "GET",
            htu = "http://localhost:8080/accounts/current",
            iat = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
            ath = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(token))),
        };
        var input = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(header)) + "." + Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims));
        return input + "." + Base64Url.EncodeToString(key.EC.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
    }
}
