using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SecureMesh.Auth.Outbound;
using SecureMesh.Auth.Protocol;
using SecureMesh.Sdk;

namespace SecureMesh.Auth.Tests.Outbound;

public sealed class OutboundClientTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.169.254")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.0.1")]
    [InlineData("203.0.113.7")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::127.0.0.1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("100::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void V_112_addresses_that_are_not_public_are_known_in_every_disguise(string address) =>
        Assert.True(SpecialAddresses.Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("100.128.0.1")]
    [InlineData("172.32.0.1")]
    [InlineData("193.0.0.1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::808:808")]
    [InlineData("2606:4700::1111")]
    public void Public_addresses_are_not_special(string address) => Assert.False(SpecialAddresses.Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("http://127.0.0.1:{0}/")]
    [InlineData("http://localhost:{0}/")]
    [InlineData("http://2130706433:{0}/")]
    [InlineData("http://0x7f000001:{0}/")]
    [InlineData("http://0177.0.0.1:{0}/")]
    [InlineData("http://127.1:{0}/")]
    [InlineData("http://[::ffff:127.0.0.1]:{0}/")]
    [InlineData("http://0.0.0.0:{0}/")]
    [InlineData("https://127.0.0.1:{0}/")]
    [InlineData("http://inner.example:{0}/")]
    public async Task V_112_nothing_reaches_loopback_unless_a_setting_lists_it(string url)
    {
        using var server = new Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        using var client = Client("", demo: false, (host, cancellationToken) =>
            host == "inner.example" ? Task.FromResult(new[] { IPAddress.Loopback }) : Dns.GetHostAddressesAsync(host, cancellationToken));

        var answer = await client.GetAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, url, server.Port), Cancel);

        Assert.Equal("the address is not allowed (auth:outbound:allow)", answer.Error);
        Assert.Equal(0, server.Hits);
    }

    [Theory]
    [InlineData("127.0.0.0/8", false)]
    [InlineData("10.0.0.0/8, 127.0.0.1", false)]
    [InlineData("", true)]
    public async Task V_112_a_listed_network_may_be_called_and_so_may_loopback_in_the_demo(string allow, bool demo)
    {
        using var server = new Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        using var client = Client(allow, demo);

        var answer = await client.GetAsync($"http://127.0.0.1:{server.Port}/keys", Cancel);

        Assert.Equal(200, answer.Value!.Status);
        Assert.Equal("{}", Encoding.ASCII.GetString(answer.Value.Body));
    }

    [Fact]
    public async Task V_112_the_address_that_was_judged_is_the_one_that_is_called()
    {
        using var server = new Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        var lookups = 0;
        // The second answer is the one an attacker wants to be used.
        using var client = Client("127.0.0.2", demo: false, (_, _) => Task.FromResult(new[] { IPAddress.Parse(Interlocked.Increment(ref lookups) == 1 ? "127.0.0.2" : "127.0.0.1") }));

        var first = await client.GetAsync($"http://rebound.example:{server.Port}/", Cancel);
        var second = await client.GetAsync($"http://rebound.example:{server.Port}/", Cancel);

        Assert.Equal("no answer (ConnectionError)", first.Error);
        Assert.Equal("the address is not allowed (auth:outbound:allow)", second.Error);
        Assert.Equal(2, lookups);
        Assert.Equal(0, server.Hits);
    }

    [Fact]
    public async Task V_112_one_address_that_is_not_allowed_spoils_the_name()
    {
        using var server = new Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        using var client = Client("127.0.0.2", demo: false, (_, _) => Task.FromResult(new[] { IPAddress.Parse("127.0.0.2"), IPAddress.Loopback }));

        Assert.Equal("the address is not allowed (auth:outbound:allow)", (await client.GetAsync($"http://two.example:{server.Port}/", Cancel)).Error);
        Assert.Equal(0, server.Hits);
    }

    [Fact]
    public async Task V_112_redirects_are_not_followed_and_long_answers_are_cut_off()
    {
        using var target = new Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        using var redirect = new Server($"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{target.Port}/\r\nContent-Length: 0\r\n\r\n");
        using var large = new Server($"HTTP/1.1 200 OK\r\nContent-Length: {64 * 1024 + 1}\r\n\r\n{new string(' ', 64 * 1024 + 1)}");
        using var endless = new Server($"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{new string(' ', 80 * 1024)}");
        using var client = Client("", demo: true);

        Assert.Equal(302, (await client.GetAsync($"http://127.0.0.1:{redirect.Port}/", Cancel)).Value!.Status);
        Assert.Equal(0, target.Hits);
        Assert.Equal("the answer is too large", (await client.GetAsync($"http://127.0.0.1:{large.Port}/", Cancel)).Error);
        Assert.Equal("the answer is too large", (await client.GetAsync($"http://127.0.0.1:{endless.Port}/", Cancel)).Error);
    }

    [Theory]
    [InlineData("ftp://example.org/", "not an absolute http or https URL")]
    [InlineData("file:///etc/passwd", "not an absolute http or https URL")]
    [InlineData("/etc/passwd", "not an absolute http or https URL")]
    [InlineData("keys", "not an absolute http or https URL")]
    [InlineData("https://user:pw@example.org/", "with user information")]
    [InlineData("https://example.org/#x", "with a fragment")]
    public async Task V_112_other_kinds_of_addresses_are_refused(string url, string cause)
    {
        using var client = Client("", demo: true);

        Assert.Equal(cause, (await client.GetAsync(url, Cancel)).Error);
    }

    [Fact]
    public void A_setting_that_lists_no_network_is_refused_by_name()
    {
        Assert.Equal(["auth:outbound:allow must list networks or addresses, not 'everything'."],
            new OutboundOptionsValidator().Validate(null, new OutboundOptions { Allow = "10.0.0.0/8,everything" }).Failures);
    }

    private static OutboundClient Client(string allow, bool demo, HostLookup? lookup = null)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("auth:outbound:allow", allow)]).Build();
        var options = new Current<OutboundOptions>(configuration, "auth:outbound", new OutboundOptionsValidator(), NullLogger<OutboundOptions>.Instance);
        return new OutboundClient(options, Options.Create(new MeshOptions { Demo = demo }), lookup ?? ((host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken)));
    }

    /// <summary>Answers each connection with one text.</summary>
    private sealed class Server : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly byte[] _answer;
        private int _hits;

        public Server(string answer)
        {
            _answer = Encoding.ASCII.GetBytes(answer);
            _listener.Start();
            _ = RunAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Hits => _hits;

        private async Task RunAsync()
        {
            try
            {
                while (true)
                {
                    using var socket = await _listener.AcceptSocketAsync();
                    Interlocked.Increment(ref _hits);
                    await socket.ReceiveAsync(new byte[4096]);
                    await socket.SendAsync(_answer);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over, or the client hung up.
            }
        }

        public void Dispose() => _listener.Stop();
    }
}
