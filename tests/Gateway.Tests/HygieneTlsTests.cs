using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Gateway.Routes;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

/// <summary>TLS at the door: one policy per listener, and a client's certificate that proves possession and nothing else (V-102).</summary>
public sealed class HygieneTlsTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly Witness _witness = new();
    private TestIssuer _issuer = null!;
    private MeshService<RouteTable> _gateway = null!;
    private Uri _url = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TestIssuer.StartAsync();
        var settings = Door.MeshRoutes;
        foreach (var (key, value) in _issuer.Settings) settings[key] = value;
        using var certificate = Certificate("gateway");
        settings["gateway:tls:certificate"] = _folder.Write("tls.crt", certificate.ExportCertificatePem());
        settings["gateway:tls:key"] = _folder.Write("tls.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        settings["gateway:hosts"] = "mesh.example";
        settings["urls"] = "https://127.0.0.1:0";
        _gateway = new MeshService<RouteTable>(settings, services => services.AddSingleton<IStartupFilter>(_witness));
        _gateway.Start();
        _url = new Uri(_gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _issuer.DisposeAsync();
        _folder.Dispose();
    }

    private static X509Certificate2 Certificate(string name, int days = 2, X509Extension? extension = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        if (extension is not null) request.CertificateExtensions.Add(extension);
        var end = DateTimeOffset.UtcNow.AddDays(days);
        using var made = request.CreateSelfSigned(end.AddDays(-10), end);
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private async Task<HttpResponseMessage> GetAsync(Version version, X509Certificate2? client = null, string host = "localhost", string serverName = "localhost", string path = "/nothing")
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=gateway";
        // Offline: the client, too, would look for the issuer.
        if (client is not null) handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(client, null, offline: true);
        handler.ConnectCallback = async (_, stop) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, _url.Port, stop);
            return new NetworkStream(socket, ownsSocket: true);
        };
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{serverName}:{_url.Port}{path}")) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Host = host;
        request.Headers.TryAddWithoutValidation("X-Client-Cert", "canary");
        request.Headers.TryAddWithoutValidation("X-ARR-ClientCert", Convert.ToBase64String(Encoding.ASCII.GetBytes("canary")));
        request.Headers.TryAddWithoutValidation("Client-Cert", ":Y2FuYXJ5:");
        return await http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task V_102_a_client_certificate_is_asked_for_and_not_required_and_a_header_is_none(string version)
    {
        using var without = await GetAsync(Version.Parse(version));
        Assert.Equal(HttpStatusCode.NotFound, without.StatusCode);
        Assert.Equal(Version.Parse(version), without.Version);
        Assert.Null(_witness.Thumbprint);

        using var client = Certificate("anybody");
        using var with = await GetAsync(Version.Parse(version), client);
        Assert.Equal(HttpStatusCode.NotFound, with.StatusCode);
        Assert.Equal(client.GetCertHashString(HashAlgorithmName.SHA256), _witness.Thumbprint);
    }

    [Fact]
    public async Task A_certificate_that_has_ended_or_that_nobody_knows_is_still_the_connections()
    {
        using var client = Certificate("ended", days: -1);

        using var answer = await GetAsync(HttpVersion.Version11, client);

        Assert.Equal(client.GetCertHashString(HashAlgorithmName.SHA256), _witness.Thumbprint);
    }

    [Fact]
    public async Task A_strangers_certificate_makes_the_gateway_fetch_nothing()
    {
        using var bait = new TcpListener(IPAddress.Loopback, 0);
        bait.Start();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=unknown authority", rootKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = authority.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bait", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension([$"http://{bait.LocalEndpoint}/ocsp"], [$"http://{bait.LocalEndpoint}/ca.crt"]));
        request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([$"http://{bait.LocalEndpoint}/crl"]));
        using var bare = request.Create(root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(1), [7]);
        using var whole = bare.CopyWithPrivateKey(key);
        using var client = X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);

        using var answer = await GetAsync(HttpVersion.Version11, client);

        Assert.Equal(client.GetCertHashString(HashAlgorithmName.SHA256), _witness.Thumbprint);
        Assert.False(bait.Pending(), "the gateway called an address out of the certificate");
    }

    [Theory]
    [InlineData("localhost", "evil.example", 404)]
    [InlineData("mesh.example", "localhost", 404)]
    [InlineData("mesh.example", "evil.example", 404)]
    [InlineData("evil.example", "localhost", 421)]
    [InlineData("mesh.example.", "mesh.example", 421)]
    [InlineData("localhost.", "localhost", 421)]
    public async Task V_102_the_name_of_the_handshake_decides_nothing_and_the_host_is_one_of_the_gateways_own(string host, string serverName, int status)
    {
        using var client = Certificate("anybody");
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var answer = await GetAsync(version, client, host, serverName);

            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal(client.GetCertHashString(HashAlgorithmName.SHA256), _witness.Thumbprint); // one policy, whatever the name
        }
    }

    [Theory]
    [InlineData("mesh.example", "max-age=31536000")]
    [InlineData("localhost", null)]
    [InlineData("127.0.0.1", null)]
    public async Task Browsers_are_told_to_come_back_over_TLS_unless_the_name_is_this_machines(string host, string? expected)
    {
        using var answer = await GetAsync(HttpVersion.Version11, host: host);

        Assert.Equal(expected, answer.Headers.TryGetValues("Strict-Transport-Security", out var values) ? values.Single() : null);
    }

    [Fact]
    public async Task V_102_HTTP_3_is_off()
    {
        using var answer = await GetAsync(HttpVersion.Version11);

        Assert.False(answer.Headers.Contains("Alt-Svc"));
        using var udp = new UdpClient(new IPEndPoint(IPAddress.Loopback, _url.Port)); // the port is free
    }

    [Fact]
    public async Task Old_versions_of_TLS_are_refused()
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, _url.Port, TestContext.Current.CancellationToken);
        // A hello of TLS 1.1 with one cipher, and nothing of a newer version in it.
        byte[] hello = [0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2, .. new byte[32], 0, 0, 2, 0xc0, 0x13, 1, 0];
        await tcp.GetStream().WriteAsync(hello, TestContext.Current.CancellationToken);
        var answer = new byte[100];
        var length = await tcp.GetStream().ReadAsync(answer, TestContext.Current.CancellationToken);

        Assert.True(length == 0 || answer[0] == 0x15, "no alert"); // an alert, or nothing at all
    }

    /// <summary>Sees each request as the gateway's own code does.</summary>
    private sealed class Witness : IStartupFilter
    {
        public string? Thumbprint { get; private set; }

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(following => http =>
            {
                Thumbprint = http.Connection.ClientCertificate?.GetCertHashString(HashAlgorithmName.SHA256);
                return following(http);
            });
            next(app);
        };
    }
}
