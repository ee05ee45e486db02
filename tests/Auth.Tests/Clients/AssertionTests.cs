using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Clients;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Clients;

public sealed class AssertionTests : IAsyncLifetime
{
    private const string Issuer = "http://localhost:8080/uaa/oauth/token";
    private const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    private readonly SigningClient _key = new();
    private DemoAuth _auth = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _auth = await DemoAuth.StartAsync();
        await AddAsync("signer", new ClientMetadata { Jwks = Set(_key.Jwk) });
    }

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await _auth.DisposeAsync();
    }

    [Fact]
    public async Task J_10_OP_D_14_a_client_authenticates_by_an_assertion_for_the_issuer()
    {
        var reply = await AskAsync(Assertion());

        Assert.Equal(200, reply.Status);
        Assert.Equal("private_key_jwt", reply.Claims.GetProperty("client_auth_method").GetString());
        Assert.Equal(200, (await AskAsync(Assertion(), ("client_id", "signer"))).Status);
        // UAA's empty parameter beside it counts as left out.
        Assert.Equal(200, (await AskAsync(Assertion(), ("client_secret", ""))).Status);
    }

    [Fact]
    public async Task J_11_the_client_id_of_the_form_must_be_that_of_the_assertion()
    {
        var reply = await AskAsync(Assertion(), ("client_id", "account-service"));

        Assert.Equal(401, reply.Status);
        Assert.Equal("invalid_client", reply.Text("error"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_026_T_01_J_10_an_assertion_is_good_once_at_every_instance(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await using var other = await auth.AnotherAsync();
        await AddAsync("signer", new ClientMetadata { Jwks = Set(_key.Jwk) }, auth);
        var assertion = Assertion();

        var statuses = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => (await AskAsync(i % 2 == 0 ? auth : other, assertion)).Status));

        Assert.Single(statuses, 200);
        Assert.Equal(19, statuses.Count(status => status == 401));
        Assert.Equal(401, (await AskAsync(auth, assertion)).Status);
        // Another client may use the same jti.
        await AddAsync("other-signer", new ClientMetadata { Jwks = Set(_key.Jwk) }, auth);
        var jti = Jwt.Payload(assertion).GetProperty("jti").GetString()!;
        Assert.Equal(200, (await AskAsync(auth, Assertion("other-signer", claims: [("jti", jti)]))).Status);
    }

    [Theory]
    [InlineData("http://localhost:8080/uaa/oauth/par")]
    [InlineData("http://localhost:8080/uaa")]
    [InlineData("http://localhost:8080/uaa/oauth/token/")]
    [InlineData("https://localhost:8080/uaa/oauth/token")]
    [InlineData("signer")]
    public async Task V_059_F2_44_only_the_issuer_itself_is_the_audience(string audience) =>
        await RefusedAsync(Assertion(claims: [("aud", audience)]));

    [Fact]
    public async Task V_059_F2_44_F2_32_a_list_of_audiences_is_refused_even_when_it_holds_the_issuer()
    {
        await RefusedAsync(Assertion(claims: [("aud", new[] { Issuer })]));
        await RefusedAsync(Assertion(claims: [("aud", new[] { Issuer, "https://other.example" })]));
        await RefusedAsync(Assertion(without: ["aud"]));
    }

    [Theory]
    [InlineData("sub")]
    [InlineData("iss")]
    [InlineData("exp")]
    [InlineData("iat")]
    [InlineData("jti")]
    public async Task F2_32_J_10_no_claim_may_be_missing(string claim) => await RefusedAsync(Assertion(without: [claim]));

    [Fact]
    public async Task J_10_iss_and_sub_are_the_client()
    {
        await RefusedAsync(Assertion(claims: [("iss", "account-service")]));
        await RefusedAsync(Assertion(claims: [("sub", "account-service")]));
        await RefusedAsync(Assertion(claims: [("jti", "")]));
    }

    [Theory]
    [InlineData("nbf", 8, true)]
    [InlineData("iat", 8, true)]
    [InlineData("nbf", 30, true)]
    [InlineData("nbf", 61, false)]
    [InlineData("iat", 61, false)]
    [InlineData("exp", -29, true)]
    [InlineData("exp", -30, false)]
    [InlineData("exp", -300, false)]
    [InlineData("exp", 300, true)]
    [InlineData("exp", 301, false)]
    [InlineData("exp", 3600, false)]
    public async Task K_09_F2_37_F2_32_clocks_may_differ_a_little(string claim, int seconds, bool good)
    {
        var assertion = Assertion(claims: [(claim, Now + seconds)]);

        if (good) Assert.Equal(200, (await AskAsync(assertion)).Status);
        else await RefusedAsync(assertion);
    }

    [Theory]
    [InlineData("RS256", 2048, true)]
    [InlineData("PS256", 3072, true)]
    [InlineData("RS256", 1024, false)]
    public async Task V_009_keys_have_the_size_that_is_safe_today(string algorithm, int bits, bool good)
    {
        using var key = new SigningClient(algorithm, bits);
        await AddAsync("rsa", new ClientMetadata { Jwks = Set(key.Jwk) });

        Assert.Equal(good ? 200 : 401, (await AskAsync(Assertion("rsa", key))).Status);
    }

    [Fact]
    public async Task F2_30_rs256_is_refused_for_the_fapi_profile_and_secrets_are_too()
    {
        using var rsa = new SigningClient("RS256", kid: "rsa");
        var hash = ClientSecret.FromSha256(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData("generated"u8)));
        await AddAsync("bank", new ClientMetadata { Profile = "fapi2", Jwks = Set(_key.Jwk, rsa.Jwk) }, secret: hash);

        Assert.Equal(401, (await AskAsync(Assertion("bank", rsa))).Status);
        Assert.Equal(401, (await _auth.TokenAsync("bank:generated", ("grant_type", "client_credentials"))).Status);
        // Authenticated, but without anything to bind the token to.
        var reply = await AskAsync(Assertion("bank"));
        Assert.Equal((400, "invalid_request"), (reply.Status, reply.Text("error")));
    }

    [Fact]
    public async Task J_10_the_registered_algorithm_is_the_only_one()
    {
        using var rsa = new SigningClient("RS256", kid: "rsa");
        await AddAsync("one-alg", new ClientMetadata { TokenEndpointAuthSigningAlg = "ES256", Jwks = Set(_key.Jwk, rsa.Jwk) });

        Assert.Equal(200, (await AskAsync(Assertion("one-alg"))).Status);
        Assert.Equal(401, (await AskAsync(Assertion("one-alg", rsa))).Status);
    }

    [Fact]
    public async Task V_001_V_002_V_004_forged_assertions_are_refused()
    {
        using var foreign = new SigningClient();
        await RefusedAsync(Assertion(key: foreign));
        await RefusedAsync(Assertion(header: [("alg", "none")]));
        await RefusedAsync(Assertion(header: [("alg", "HS256")]));
        await RefusedAsync(Assertion(header: [("kid", "two")]));
        await RefusedAsync(Assertion(key: foreign, header: [("jwk", foreign.Jwk), ("jku", "http://127.0.0.1:9/")]));
        await RefusedAsync(Assertion(header: [("crit", new[] { "exp" })]));
        var cut = Assertion();
        await RefusedAsync(cut[..(cut.LastIndexOf('.') + 1)]);
        await RefusedAsync("x.y.z");
        await RefusedAsync(Assertion("nobody"));
        await RefusedAsync(Assertion("account-service"));
    }

    [Theory]
    [InlineData("at+jwt")]
    [InlineData("dpop+jwt")]
    [InlineData("oauth-authz-req+jwt")]
    public async Task V_124_another_kind_of_token_is_no_assertion(string typ) => await RefusedAsync(Assertion(header: [("typ", typ)]));

    [Fact]
    public async Task V_058_F2_31_a_secret_beside_an_unsigned_assertion_authenticates_nobody()
    {
        var hash = ClientSecret.FromSha256(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData("generated"u8)));
        await AddAsync("must-sign", new ClientMetadata { TokenEndpointAuthMethod = "private_key_jwt", Jwks = Set(_key.Jwk) }, secret: hash);
        (string, string)[] grant = [("grant_type", "client_credentials")];

        Assert.Equal(400, (await _auth.TokenAsync("must-sign:generated", [.. grant, ("client_assertion", "e30.e30."), ("client_assertion_type", Type)])).Status);
        Assert.Equal(400, (await _auth.TokenAsync("must-sign:generated", [.. grant, ("client_assertion_type", Type)])).Status);
        Assert.Equal(401, (await _auth.TokenAsync("must-sign:generated", grant)).Status);
        Assert.Equal(401, (await _auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_id", "must-sign"), ("client_secret", "generated")])).Status);
        Assert.Equal(401, (await _auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_id", "must-sign")])).Status);
        Assert.Equal(200, (await AskAsync(Assertion("must-sign"))).Status);
    }

    [Fact]
    public async Task An_assertion_needs_its_type()
    {
        (string, string)[] grant = [("grant_type", "client_credentials")];
        Assert.Equal("invalid_request", (await _auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_assertion", Assertion())])).Text("error"));
        Assert.Equal("invalid_request", (await _auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_assertion_type", Type)])).Text("error"));
        Assert.Equal("invalid_request", (await _auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_assertion", Assertion()), ("client_assertion_type", "jwt")])).Text("error"));
    }

    [Fact]
    public async Task OP_D_12_OP_D_09_a_new_key_at_the_clients_address_is_found_at_most_once_a_minute()
    {
        using var server = new KeyServer();
        using var second = new SigningClient(kid: "two");
        using var foreign = new SigningClient(kid: "three");
        server.Body = JsonSerializer.Serialize(new { keys = new[] { _key.Jwk } });
        await AddAsync("remote", new ClientMetadata { JwksUri = server.Url });

        Assert.Equal(200, (await AskAsync(Assertion("remote"))).Status);
        Assert.Equal(200, (await AskAsync(Assertion("remote"))).Status);
        Assert.Equal(1, server.Hits);
        server.Body = JsonSerializer.Serialize(new { keys = new[] { second.Jwk } });
        Assert.Equal(401, (await AskAsync(Assertion("remote", second))).Status);
        for (var i = 0; i < 20; i++) Assert.Equal(401, (await AskAsync(Assertion("remote", foreign))).Status);
        Assert.Equal(1, server.Hits);
        _auth.Clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(200, (await AskAsync(Assertion("remote", second))).Status);
        Assert.Equal(2, server.Hits);
        Assert.Equal(401, (await AskAsync(Assertion("remote"))).Status);
        // The last good keys serve on while the address gives none.
        server.Body = "<html>";
        _auth.Clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal(200, (await AskAsync(Assertion("remote", second))).Status);
        Assert.Equal(3, server.Hits);
    }

    [Fact]
    public async Task V_112_an_address_of_keys_in_an_inner_network_is_not_asked()
    {
        using var server = new KeyServer { Body = JsonSerializer.Serialize(new { keys = new[] { _key.Jwk } }) };
        await AddAsync("inner", new ClientMetadata { JwksUri = "http://10.255.255.1/keys" });

        Assert.Equal(401, (await AskAsync(Assertion("inner"))).Status);
        Assert.Contains(_auth.Logs, line => line.Contains("The keys of client inner cannot be fetched: the address is not allowed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_assertion_is_logged()
    {
        var (good, bad) = (Assertion(), Assertion(claims: [("aud", "x")]));
        await AskAsync(good);
        await AskAsync(bad);

        Assert.Contains(_auth.Logs, line => line.Contains("aud is not the issuer", StringComparison.Ordinal));
        foreach (var part in good.Split('.').Concat(bad.Split('.')).Where(part => part.Length > 60))
            Assert.DoesNotContain(_auth.Logs, line => line.Contains(part, StringComparison.Ordinal));
    }

    private long Now => _auth.Clock.GetUtcNow().ToUnixTimeSeconds();

    private string Assertion(
        string client = "signer", SigningClient? key = null, (string Name, object Value)[]? claims = null, (string Name, object Value)[]? header = null, string[]? without = null)
    {
        key ??= _key;
        var head = new Dictionary<string, object> { ["alg"] = key.Algorithm, ["kid"] = key.Kid, ["typ"] = "JWT" };
        var payload = new Dictionary<string, object>
        {
            ["iss"] = client,
            ["sub"] = client,
            ["aud"] = Issuer,
            ["jti"] = Entropy.Token(),
            ["iat"] = Now,
            ["exp"] = Now + 60,
        };
        foreach (var (name, value) in header ?? []) head[name] = value;
        foreach (var (name, value) in claims ?? []) payload[name] = value;
        // A token that ends early began early, so that one claim alone is tried.
        if (claims is [("exp", long ends)] && ends < Now) payload["iat"] = ends - 60;
        foreach (var name in without ?? []) payload.Remove(name);
        return key.Sign(head, payload);
    }

    private Task<Reply> AskAsync(string assertion, params (string, string)[] more) => AskAsync(_auth, assertion, more);

    private static Task<Reply> AskAsync(DemoAuth auth, string assertion, params (string, string)[] more) => auth.PostAsync(
        "uaa/oauth/token", null, [("grant_type", "client_credentials"), ("client_assertion_type", Type), ("client_assertion", assertion), .. more]);

    private async Task RefusedAsync(string assertion)
    {
        var reply = await AskAsync(assertion);

        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Bad credentials"}""", reply.Body);
    }

    private Task AddAsync(string id, ClientMetadata metadata, DemoAuth? auth = null, string? secret = null) => AddAsync(auth ?? _auth, id, metadata, secret);

    internal static async Task AddAsync(DemoAuth auth, string id, ClientMetadata metadata, string? secret)
    {
        var client = new Client
        {
            ZoneId = "uaa",
            Id = id,
            Name = id,
            GrantTypes = ["client_credentials"],
            Scopes = [],
            Authorities = ["test.read"],
            TokenSalt = "salt",
            SecretHash = secret,
            Metadata = metadata,
        };
        Assert.True(await auth.Services.GetRequiredService<IClients>().TryAddAsync(client, Cancel));
    }

    private static JsonElement Set(params Dictionary<string, object>[] keys) => JsonSerializer.SerializeToElement(new { keys });

    /// <summary>Publishes the keys of a client and counts who asks.</summary>
    private sealed class KeyServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private int _hits;

        public KeyServer()
        {
            _listener.Start();
            _ = RunAsync();
        }

        public string Body { get; set; } = "";

        public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/keys";

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
                    await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}"));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        public void Dispose() => _listener.Stop();
    }
}
