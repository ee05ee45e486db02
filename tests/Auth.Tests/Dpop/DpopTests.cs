using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Dpop;

public sealed class DpopTests(DemoAuth auth) : IClassFixture<DemoAuth>, IDisposable
{
    private const string TokenUrl = "http://localhost:8080/uaa/oauth/token";
    private const string UserInfoUrl = "http://localhost:8080/uaa/userinfo";
    private readonly SigningClient _key = new();

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task DP_02_a_token_asked_for_with_a_proof_is_bound_to_its_key()
    {
        var reply = await SignInAsync(Proof());

        Assert.Equal(200, reply.Status);
        Assert.Equal("DPoP", reply.Text("token_type"));
        Assert.Equal(_key.Thumbprint, reply.Claims.GetProperty("cnf").GetProperty("jkt").GetString());
    }

    [Fact]
    public async Task DP_05_V_053_a_bound_token_is_good_with_a_proof_alone_and_an_unbound_one_without()
    {
        var bound = (await SignInAsync(Proof())).AccessToken;
        var plain = (await auth.SignInAsync()).AccessToken;

        Assert.Equal(200, (await UserInfoAsync("DPoP", bound, Proof(UserInfoUrl, "GET", bound))).Status);
        var asBearer = await UserInfoAsync("Bearer", bound, Proof(UserInfoUrl, "GET", bound));
        Assert.Equal(401, asBearer.Status);
        Assert.StartsWith("DPoP error=\"invalid_token\"", asBearer.Challenge, StringComparison.Ordinal);
        Assert.Contains("algs=\"ES256 PS256\"", asBearer.Challenge, StringComparison.Ordinal);
        Assert.Equal(401, (await UserInfoAsync("Bearer", bound)).Status);
        Assert.Equal(401, (await UserInfoAsync("DPoP", bound)).Status);
        Assert.Equal(401, (await UserInfoAsync("DPoP", plain, Proof(UserInfoUrl, "GET", plain))).Status);
        Assert.Equal(200, (await UserInfoAsync("Bearer", plain)).Status);
    }

    [Fact]
    public async Task F2_11_X_08_the_scheme_is_compared_without_case_and_stands_once()
    {
        var bound = (await SignInAsync(Proof())).AccessToken;

        Assert.Equal(200, (await UserInfoAsync("dPoP", bound, Proof(UserInfoUrl, "GET", bound))).Status);
        Assert.Equal(401, (await UserInfoAsync("DPoP ", bound, Proof(UserInfoUrl, "GET", bound))).Status);
        Assert.Equal(200, (await UserInfoAsync("bEARER", (await auth.SignInAsync()).AccessToken)).Status);
    }

    [Theory]
    [InlineData("typ")]
    [InlineData("alg")]
    [InlineData("jwk")]
    public async Task F2_18_DP_01_no_part_of_the_header_may_be_missing(string member) => await RefusedAsync(Proof(withoutHeader: member));

    [Theory]
    [InlineData("jti")]
    [InlineData("htm")]
    [InlineData("htu")]
    [InlineData("iat")]
    public async Task F2_18_DP_01_no_claim_may_be_missing(string claim) => await RefusedAsync(Proof(without: claim));

    [Theory]
    [InlineData("typ", "JWT")]
    [InlineData("typ", "at+jwt")]
    [InlineData("alg", "none")]
    [InlineData("alg", "RS256")]
    [InlineData("alg", "HS256")]
    [InlineData("crit", "exp")]
    public async Task F2_18_V_001_a_header_of_another_kind_is_refused(string name, string value) => await RefusedAsync(Proof(header: [(name, value)]));

    [Theory]
    [InlineData("htm", "GET")]
    [InlineData("htm", "post")]
    [InlineData("htu", "http://localhost:8080/uaa/oauth/par")]
    [InlineData("htu", "http://localhost:8080/uaa/oauth/TOKEN")]
    [InlineData("htu", "https://localhost:8080/uaa/oauth/token")]
    [InlineData("htu", "http://localhost:8081/uaa/oauth/token")]
    [InlineData("htu", "http://evil.example/uaa/oauth/token")]
    [InlineData("htu", "http://user@localhost:8080/uaa/oauth/token")]
    [InlineData("htu", "/uaa/oauth/token")]
    [InlineData("jti", "")]
    public async Task F2_18_a_proof_for_another_request_is_refused(string name, string value) => await RefusedAsync(Proof(claims: [(name, value)]));

    [Theory]
    [InlineData("HTTP://LOCALHOST:8080/uaa/oauth/token")]
    [InlineData("http://localhost:8080/uaa/oauth/token?x=1")]
    [InlineData("http://localhost:8080/uaa/oauth/token#x")]
    [InlineData("http://localhost:8080/uaa/./oauth/token")]
    public async Task F2_19_the_address_is_compared_as_an_address(string htu) => Assert.Equal(200, (await SignInAsync(Proof(htu))).Status);

    [Fact]
    public async Task F2_19_the_default_port_and_the_loopback_listener_are_known_and_the_host_header_is_not_believed()
    {
        await using var own = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("mesh:issuer", "https://mesh.example.org/uaa/oauth/token"));
        async Task<int> StatusAsync(string htu, string? host = null)
        {
            using var request = SignIn(Proof(htu, clock: own));
            if (host is not null) request.Headers.Host = host;
            return (await own.SendAsync(request)).Status;
        }

        Assert.Equal(200, await StatusAsync("https://mesh.example.org/uaa/oauth/token"));
        Assert.Equal(200, await StatusAsync("https://MESH.example.org:443/uaa/oauth/token"));
        Assert.Equal(200, await StatusAsync(own.Url + "uaa/oauth/token"));
        Assert.Equal(400, await StatusAsync("http://evil.example/uaa/oauth/token", "evil.example"));
        Assert.Equal(400, await StatusAsync("http://mesh.example.org/uaa/oauth/token"));
    }

    [Theory]
    [InlineData(-59, true)]
    [InlineData(-10, true)]
    [InlineData(10, true)]
    [InlineData(30, true)]
    [InlineData(-61, false)]
    [InlineData(31, false)]
    [InlineData(-3600, false)]
    [InlineData(3600, false)]
    public async Task K_10_F2_13_F2_18_a_proof_is_of_now(int seconds, bool good)
    {
        var proof = Proof(claims: [("iat", auth.Clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0 + seconds)]);

        if (good) Assert.Equal(200, (await SignInAsync(proof)).Status);
        else await RefusedAsync(proof);
    }

    [Fact]
    public async Task F2_12_F2_19_further_claims_and_header_members_are_tolerated()
    {
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();

        Assert.Equal(200, (await SignInAsync(Proof(claims: [("nbf", now), ("exp", now + 60), ("extra", "x")], header: [("extra", 1), ("kid", "x")]))).Status);
    }

    [Fact]
    public async Task F2_18_V_003_keys_that_prove_nothing_are_refused()
    {
        using var other = new SigningClient();
        using var weak = new SigningClient("PS256", 1024);
        using var rsa = new SigningClient("PS256", 2048);
        await RefusedAsync(Proof(header: [("jwk", _key.PrivateJwk)]));
        await RefusedAsync(Proof(header: [("jwk", other.Bare)]));
        await RefusedAsync(Proof(header: [("jwk", new { kty = "oct", k = "AAAA" })]));
        await RefusedAsync(Proof(header: [("jwk", "key")]));
        await RefusedAsync(Proof(key: weak));
        Assert.Equal(200, (await SignInAsync(Proof(key: rsa))).Status);
        await RefusedAsync("not-a-jwt");
        await RefusedAsync("");
    }

    [Fact]
    public async Task X_08_F2_18_two_proofs_are_refused()
    {
        using var request = SignIn(Proof());
        request.Headers.TryAddWithoutValidation("DPoP", Proof());
        var reply = await auth.SendAsync(request);

        Assert.Equal((400, "invalid_dpop_proof"), (reply.Status, reply.Text("error")));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task DP_07_T_01_a_proof_is_good_once_at_every_instance(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        await using var other = await own.AnotherAsync();
        var proof = Proof(clock: own);

        var statuses = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var request = SignIn(proof);
            return (await (i % 2 == 0 ? own : other).SendAsync(request)).Status;
        }));

        Assert.Single(statuses, 200);
        Assert.Equal(11, statuses.Count(status => status == 400));
    }

    [Fact]
    public async Task F2_18_at_a_resource_the_proof_names_the_token_and_is_of_its_key()
    {
        using var other = new SigningClient();
        var bound = (await SignInAsync(Proof())).AccessToken;
        var second = (await SignInAsync(Proof())).AccessToken;
        foreach (var bad in new[]
        {
            Proof(UserInfoUrl, "GET"), Proof(UserInfoUrl, "GET", second), Proof(UserInfoUrl, "GET", bound, key: other), Proof(UserInfoUrl, "POST", bound), Proof(TokenUrl, "GET", bound),
        })
            Assert.Equal(401, (await UserInfoAsync("DPoP", bound, bad)).Status);
        var proof = Proof(UserInfoUrl, "GET", bound);
        Assert.Equal(200, (await UserInfoAsync("DPoP", bound, proof)).Status);
        Assert.Equal(401, (await UserInfoAsync("DPoP", bound, proof)).Status);
    }

    [Fact]
    public async Task DP_03_the_refresh_token_of_a_public_client_is_bound_to_the_key()
    {
        using var other = new SigningClient();
        var first = await SignInAsync(Proof());

        foreach (var bad in new[] { null, Proof(key: other) })
        {
            var refused = await RefreshAsync("browser:", first.RefreshToken, bad);
            Assert.Equal((400, "invalid_dpop_proof"), (refused.Status, refused.Text("error")));
        }
        var good = await RefreshAsync("browser:", first.RefreshToken, Proof());
        Assert.Equal(200, good.Status);
        Assert.Equal(_key.Thumbprint, good.Claims.GetProperty("cnf").GetProperty("jkt").GetString());
    }

    [Fact]
    public async Task DP_03_F2_33_the_refresh_token_of_a_confidential_client_is_bound_to_the_client_alone()
    {
        using var other = new SigningClient();
        var first = await SignInAsync(Proof(), "app:appclientsecret", "openid");

        var renewed = await RefreshAsync("app:appclientsecret", first.RefreshToken, Proof(key: other));

        Assert.Equal(200, renewed.Status);
        Assert.Equal(other.Thumbprint, renewed.Claims.GetProperty("cnf").GetProperty("jkt").GetString());
    }

    [Fact]
    public async Task F2_26_a_client_whose_tokens_are_always_bound_gets_none_without_a_proof()
    {
        using var signer = new SigningClient();
        var hash = ClientSecret.FromSha256(Convert.ToHexString(SHA256.HashData("generated"u8)));
        await AssertionTests.AddAsync(auth, "always-bound", new ClientMetadata { DpopBoundAccessTokens = true }, hash);

        var refused = await auth.TokenAsync("always-bound:generated", ("grant_type", "client_credentials"));
        Assert.Equal((400, "invalid_dpop_proof"), (refused.Status, refused.Text("error")));
        using var request = Form("always-bound:generated", Proof(), ("grant_type", "client_credentials"));
        Assert.Equal("DPoP", (await auth.SendAsync(request)).Text("token_type"));
    }

    [Fact]
    public async Task X_14_no_proof_is_logged()
    {
        var proof = Proof(claims: [("htm", "PUT")]);
        await RefusedAsync(proof);

        Assert.Contains(auth.Logs, line => line.Contains("another htm", StringComparison.Ordinal));
        Assert.DoesNotContain(auth.Logs, line => line.Contains(proof.Split('.')[1], StringComparison.Ordinal));
    }

    private string Proof(
        string url = TokenUrl, string method = "POST", string? token = null, SigningClient? key = null, (string Name, object Value)[]? claims = null,
        (string Name, object Value)[]? header = null, string? without = null, string? withoutHeader = null, DemoAuth? clock = null)
    {
        key ??= _key;
        var head = new Dictionary<string, object> { ["typ"] = "dpop+jwt", ["alg"] = key.Algorithm, ["jwk"] = key.Bare };
        var payload = new Dictionary<string, object> { ["jti"] = Entropy.Token(), ["htm"] = method, ["htu"] = url, ["iat"] = (clock ?? auth).Clock.GetUtcNow().ToUnixTimeSeconds() };
        if (token is not null) payload["ath"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(token)));
        foreach (var (name, value) in header ?? []) head[name] = value;
        foreach (var (name, value) in claims ?? []) payload[name] = value;
        if (without is not null) payload.Remove(without);
        if (withoutHeader is null) return key.Sign(head, payload);
        var whole = key.Sign(head, payload);
        head.Remove(withoutHeader);
        // The signature is over the header as sent, as far as it can be.
        return withoutHeader == "alg" ? Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(head)) + whole[whole.IndexOf('.', StringComparison.Ordinal)..] : key.Sign(head, payload);
    }

    [Fact]
    public async Task V_053_E_05_who_knows_only_the_name_of_a_client_cannot_move_its_token_to_another_key()
    {
        const string exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = grant_types || ' {exchange}' WHERE client_id = 'browser'");
        var bound = (await SignInAsync(Proof())).AccessToken;
        using var thief = new SigningClient();
        Task<Reply> ExchangeAsync(string proof)
        {
            var request = Form("browser:", proof, ("grant_type", exchange), ("subject_token", bound), ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"));
            return auth.SendAsync(request);
        }

        var stolen = await ExchangeAsync(Proof(key: thief));

        Assert.Equal((400, "The token is bound to a key, of which there is no proof"), (stolen.Status, stolen.Text("error_description")));
        Assert.Equal(_key.Thumbprint, (await ExchangeAsync(Proof())).Claims.GetProperty("cnf").GetProperty("jkt").GetString());
    }

    [Fact]
    public async Task DP_05_a_bound_token_gets_a_token_for_another_client_with_the_proof_that_is_shown_once()
    {
        await Tests.Token.Given.ClientAsync(auth, "bound-tool", "password user_token", "ui uaa.user");
        await Tests.Token.Given.ClientAsync(auth, "bound-receiver", "refresh_token", "openid ui");
        using var other = new SigningClient();
        var bound = (await SignInAsync(Proof(), "bound-tool:bound-tool-secret", "ui uaa.user")).AccessToken;
        async Task<Reply> AskAsync(string proof)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
            {
                Content = new FormUrlEncodedContent([new("grant_type", "user_token"), new("client_id", "bound-receiver")]),
            };
            request.Headers.TryAddWithoutValidation("Authorization", "DPoP " + bound);
            request.Headers.TryAddWithoutValidation("DPoP", proof);
            return await auth.SendAsync(request);
        }

        var proof = Proof(token: bound);
        var given = await AskAsync(proof);

        Assert.True(given.Status == 200, given.Body);
        Assert.Equal(401, (await AskAsync(proof)).Status);
        Assert.Equal(401, (await AskAsync(Proof(token: bound, key: other))).Status);
        Assert.Equal(401, (await AskAsync(Proof())).Status);
        Assert.Equal("bound-receiver", (await auth.RefreshAsync(given.RefreshToken, "bound-receiver:bound-receiver-secret")).Claims.GetProperty("client_id").GetString());
    }

    private async Task RefusedAsync(string proof)
    {
        var reply = await SignInAsync(proof);

        Assert.Equal((400, "invalid_dpop_proof"), (reply.Status, reply.Text("error")));
    }

    private async Task<Reply> SignInAsync(string proof, string client = "browser:", string scope = "ui openid")
    {
        using var request = SignIn(proof, client, scope);
        return await auth.SendAsync(request);
    }

    private static HttpRequestMessage SignIn(string proof, string client = "browser:", string scope = "ui openid") =>
        Form(client, proof, ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", scope));

    private async Task<Reply> RefreshAsync(string client, string token, string? proof)
    {
        using var request = Form(client, proof, ("grant_type", "refresh_token"), ("refresh_token", token));
        return await auth.SendAsync(request);
    }

    private static HttpRequestMessage Form(string basic, string? proof, params (string, string)[] form)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2))),
        };
        request.Headers.TryAddWithoutValidation("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        if (proof is not null) request.Headers.TryAddWithoutValidation("DPoP", proof);
        return request;
    }

    private async Task<Reply> UserInfoAsync(string scheme, string token, string? proof = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/userinfo");
        request.Headers.TryAddWithoutValidation("Authorization", scheme + " " + token);
        if (proof is not null) request.Headers.TryAddWithoutValidation("DPoP", proof);
        return await auth.SendAsync(request);
    }
}
