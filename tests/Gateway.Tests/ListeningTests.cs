using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SecureMesh.Gateway.Listening;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.Gateway.Tests;

public sealed class ListeningTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private (string Certificate, string Key) Write(string name, string prefix = "")
    {
        var start = DateTimeOffset.UtcNow.AddDays(-1);
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Authority("CN=root of " + name, rootKey).CreateSelfSigned(start, start.AddDays(4));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var bare = Authority("CN=authority of " + name, authorityKey).Create(root, start, start.AddDays(3), [1]);
        using var issuer = bare.CopyWithPrivateKey(authorityKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256).Create(issuer, start, start.AddDays(2), [2]);
        return (_folder.Write(prefix + "tls.crt", certificate.ExportCertificatePem() + "\n" + issuer.ExportCertificatePem()),
            _folder.Write(prefix + "tls.key", key.ExportPkcs8PrivateKeyPem()));
    }

    private static CertificateRequest Authority(string subject, ECDsa key)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }

    [Fact]
    public async Task A_log_that_nobody_reads_stops_nothing()
    {
        const int requests = 6_000, atOnce = 50; // two lines each: more than the pipe and the queue hold
        var (gateway, url) = await GatewayProcess.StartUnreadAsync(Door.MeshRoutes);
        using var stopped = gateway;
        using var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(30) };

        await Parallel.ForEachAsync(Enumerable.Range(0, requests), new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = TestContext.Current.CancellationToken }, async (_, stop) =>
        {
            using var refused = await http.GetAsync("/accounts/current", stop);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        });

        // Once somebody reads again, the log goes on and says how much is missing.
        var read = gateway.ReadToAsync("/after");
        await Eventually.AnswersAsync(async () =>
        {
            (await http.GetAsync("/after", TestContext.Current.CancellationToken)).Dispose();
            return read.IsCompletedSuccessfully;
        }, "the log goes on");
        Assert.Matches("^[0-9]+ message\\(s\\) dropped", await gateway.ErrorLineAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", "true", "", "cannot start: http://0.0.0.0:0 is not a loopback address, and demo identities are known to everybody: listen on loopback, or start with --production.")]
    [InlineData("http://*:0", "true", "10.0.0.0/8", "cannot start: http://*:0 is not a loopback address, and demo identities are known to everybody: listen on loopback, or start with --production.")]
    [InlineData("http://[::]:0", "false", "", "cannot start: http://[::]:0 is not a loopback address and not encrypted: use https with gateway:tls:certificate and gateway:tls:key, or list the proxy in front in gateway:trustedProxies.")]
    [InlineData("http://127.0.0.1:0;http://mesh.example:0", "false", "", "cannot start: http://mesh.example:0 is not a loopback address and not encrypted: use https with gateway:tls:certificate and gateway:tls:key, or list the proxy in front in gateway:trustedProxies.")]
    [InlineData("https://127.0.0.1:0", "true", "", "cannot start: https://127.0.0.1:0 needs a certificate: set gateway:tls:certificate and gateway:tls:key to PEM files.")]
    [InlineData("http://127.0.0.1:0", "true", "everybody", "cannot start: gateway:trustedProxies must hold networks such as 10.0.0.0/8 or addresses, not 'everybody'.")]
    public async Task An_unsafe_address_is_refused_in_one_line(string urls, string demo, string proxies, string message)
    {
        var settings = Door.MeshRoutes;
        settings["mesh:demo"] = demo;
        settings["gateway:trustedProxies"] = proxies;

        var (exit, error) = await GatewayProcess.EndAsync(settings, urls);

        Assert.Equal(78, exit);
        Assert.Equal(message, error);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1", "true", "", false)]
    [InlineData("http://localhost:1", "true", "", false)]
    [InlineData("http://[::1]:1", "true", "", false)]
    [InlineData("http://0.0.0.0:1", "false", "10.0.0.0/8", false)]
    [InlineData("https://0.0.0.0:1", "false", "", true)]
    public void A_safe_address_is_taken(string urls, string demo, string proxies, bool certificate)
    {
        var builder = Microsoft.AspNetCore.Builder.WebApplication.CreateSlimBuilder(["--urls", urls, "--mesh:demo", demo, "--gateway:trustedProxies", proxies]);
        if (certificate) (builder.Configuration["gateway:tls:certificate"], builder.Configuration["gateway:tls:key"]) = Write("safe");

        builder.AddListening();
    }

    [Fact]
    public void A_missing_or_broken_certificate_is_a_message()
    {
        var (certificate, _) = Write("one");
        var missing = Assert.Throws<MeshStartException>(() => new ReloadingCertificate(_folder.Path + "/none.crt", _folder.Path + "/none.key", TimeProvider.System));
        Assert.Contains("none.crt", missing.Message, StringComparison.Ordinal);
        var broken = Assert.Throws<MeshStartException>(() => new ReloadingCertificate(certificate, _folder.Write("broken.key", "nothing"), TimeProvider.System));
        Assert.StartsWith("gateway:tls:", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_certificate_is_taken_and_a_broken_one_is_not()
    {
        var clock = new TestClock();
        var (certificate, key) = Write("one");
        var reloading = new ReloadingCertificate(certificate, key, clock);
        var changes = new List<Exception?>();
        reloading.Changed += changes.Add;

        Write("two");
        File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(5));
        Assert.Equal("CN=one", reloading.Current.TargetCertificate.Subject); // looked for once a second
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=two", reloading.Current.TargetCertificate.Subject);
        Assert.Equal([null], changes);

        File.WriteAllText(certificate, "broken");
        File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(10));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=two", reloading.Current.TargetCertificate.Subject);
        Assert.NotNull(changes[^1]);

        Write("three");
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("CN=three", reloading.Current.TargetCertificate.Subject);
    }

    [Fact]
    public async Task TLS_serves_the_chain_of_the_file_and_a_changed_certificate_without_a_restart()
    {
        var (certificate, key) = Write("one");
        var port = FreePort();
        var settings = Door.MeshRoutes;
        settings["gateway:tls:certificate"] = certificate;
        settings["gateway:tls:key"] = key;
        using var gateway = GatewayProcess.Start(settings, $"https://127.0.0.1:{port}");
        await Eventually.AnswersAsync(async () => await HandshakeAsync(port) == ("CN=one", "CN=authority of one"), "the certificate is served", TimeSpan.FromSeconds(30));

        Write("two");
        File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(5));
        await Eventually.AnswersAsync(async () => await HandshakeAsync(port) == ("CN=two", "CN=authority of two"), "the changed certificate is served");
    }

    [Fact]
    public async Task A_WebSocket_over_HTTP_2_reaches_the_service()
    {
        await using var backend = await Backend.StartAsync(async http =>
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            var bytes = new byte[100];
            var message = await socket.ReceiveAsync(bytes, http.RequestAborted);
            await socket.SendAsync(bytes.AsMemory(0, message.Count), WebSocketMessageType.Text, true, http.RequestAborted);
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
        });
        var port = FreePort();
        var settings = Door.MeshRoutes;
        (settings["gateway:tls:certificate"], settings["gateway:tls:key"]) = Write("one");
        settings["mesh:registry:static:auth-service"] = backend.Url.ToString();
        using var gateway = GatewayProcess.Start(settings, $"https://127.0.0.1:{port}");
        await Eventually.AnswersAsync(async () => (await HandshakeAsync(port)).Leaf == "CN=one", "it listens", TimeSpan.FromSeconds(30));
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=one";
        using var invoker = new HttpMessageInvoker(handler);
        using var client = new ClientWebSocket();
        (client.Options.HttpVersion, client.Options.HttpVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        var buffer = new byte[100];

        await client.ConnectAsync(new Uri($"wss://127.0.0.1:{port}/uaa/live"), invoker, TestContext.Current.CancellationToken);
        await client.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        var echo = await client.ReceiveAsync(buffer, TestContext.Current.CancellationToken);

        Assert.Equal("hello"u8.ToArray(), buffer[..echo.Count]);
        Assert.Equal("/uaa/live", backend.Last.Target);
        Assert.Equal("https", backend.Last.Headers["X-Forwarded-Proto"]);
    }

    private static async Task<(string Leaf, string? Intermediate)> HandshakeAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            return ("not listening yet", null);
        }
        var sent = "";
        string? intermediate = null;
        await using var tls = new SslStream(client.GetStream(), false, (_, certificate, chain, _) =>
        {
            sent = certificate!.Subject;
            intermediate = chain!.ChainPolicy.ExtraStore.Select(extra => extra.Subject).FirstOrDefault(subject => subject != sent);
            return true;
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost" }, TestContext.Current.CancellationToken);
        return (sent, intermediate);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
