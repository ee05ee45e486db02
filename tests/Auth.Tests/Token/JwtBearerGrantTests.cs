using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Token.Trust;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>RFC 7523: assertions of issuers that are trusted by configuration, and of no others.</summary>
public sealed class JwtBearerGrantTests
{
    private const string Us = "http://localhost:8080/uaa/oauth/token";
    private const string Issuer = "https://issuer.example";
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task J_01_an_assertion_of_a_trusted_issuer_stands_for_a_sign_in_once(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        var assertion = Assertion(auth);

        var reply = await ShowAsync(auth, assertion);

        Assert.Equal(200, reply.Status);
        Assert.Equal("bearer", reply.Text("token_type"));
        Assert.Equal("demo", reply.Claims.GetProperty("user_name").GetString());
        Assert.Equal("ci", reply.Claims.GetProperty("client_id").GetString());
        Assert.Equal(Given.JwtBearer, reply.Claims.GetProperty("grant_type").GetString());
        Assert.Equal(["ext"], reply.Claims.Texts("amr"));
        Assert.Equal("ui openid", reply.Text("scope"));
        Assert.Equal(200, (await auth.RefreshAsync(reply.RefreshToken, "ci:ci-secret")).Status);
        Refused(await ShowAsync(auth, assertion));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task J_01_T_01_of_many_at_once_one_uses_the_assertion(SqlEngine engine)
    {
        await using var auth = await StartAsync(engine);
        await using var other = await auth.AnotherAsync();
        var assertion = Assertion(auth);

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => ShowAsync(i % 2 == 0 ? auth : other, assertion)));

        Assert.Single(replies, reply => reply.Status == 200);
    }

    [Theory]
    [InlineData("aud", null)]
    [InlineData("aud", "\"https://elsewhere.example\"")]
    [InlineData("aud", "[\"http://localhost:8080/uaa/oauth/token\"]")]
    [InlineData("aud", "[\"http://localhost:8080/uaa/oauth/token\",\"https://elsewhere.example\"]")]
    [InlineData("exp", null)]
    [InlineData("exp", "\"soon\"")]
    [InlineData("exp", "-31")]
    [InlineData("exp", "600")]
    [InlineData("iat", "61")]
    [InlineData("iat", "\"now\"")]
    [InlineData("nbf", "61")]
    [InlineData("jti", null)]
    [InlineData("jti", "\"\"")]
    [InlineData("jti", "1")]
    [InlineData("sub", null)]
    [InlineData("sub", "\"\"")]
    [InlineData("sub", "\"nobody\"")]
    [InlineData("sub", "\"admin\"")]
    public async Task V_051_J_01_each_claim_must_be_there_and_right(string claim, string? value)
    {
        await using var auth = await StartAsync();

        Refused(await ShowAsync(auth, Assertion(auth, claims => Set(auth, claims, claim, value))));

        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth))).Status);
    }

    [Fact]
    public async Task V_073_O_08_an_issuer_names_a_user_by_its_claim_and_never_by_an_address()
    {
        await using var auth = await StartAsync();

        // The assertion of somebody whom the issuer may sign in and who has no account here, with demo's address.
        Refused(await ShowAsync(auth, Assertion(auth, claims => { claims["sub"] = "nobody"; claims["email"] = "demo@example.com"; claims["email_verified"] = true; })));
        Refused(await ShowAsync(auth, Assertion(auth, claims => claims["sub"] = "demo@example.com")));

        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth))).Status);
    }

    [Theory]
    [InlineData("iat", "25")]
    [InlineData("nbf", "25")]
    [InlineData("exp", "-25")]
    public async Task J_01_clocks_may_differ_by_a_little(string claim, string value)
    {
        await using var auth = await StartAsync();

        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth, claims => { claims.Remove("iat"); Set(auth, claims, claim, value); }))).Status);
    }

    [Fact]
    public async Task J_01_another_signature_algorithm_kind_or_key_in_the_header_does_not_count()
    {
        await using var auth = await StartAsync();
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var good = Assertion(auth);
        var parts = good.Split('.');
        var unsigned = Base64Url.EncodeToString("""{"alg":"none"}"""u8) + "." + parts[1] + ".";
        var own = Jwk(stranger);

        foreach (var bad in new[]
        {
            Assertion(auth, key: stranger),
            unsigned,
            unsigned + "x",
            parts[0] + "." + parts[1] + "." + parts[2][..^2],
            Hmac(parts[1]),
            Assertion(auth, header: """{"alg":"ES256","typ":"at+jwt"}"""),
            Assertion(auth, header: """{"alg":"ES256","kid":"unknown"}"""),
            Assertion(auth, header: $$"""{"alg":"ES256","jwk":{{own}}}""", key: stranger),
            Assertion(auth, header: """{"alg":"ES256","jku":"http://127.0.0.1:9/keys"}""", key: stranger),
            Assertion(auth, header: """{"alg":"ES256","crit":["exp"]}"""),
            "x", "a.b.c", new string('A', 20_000),
        }) Refused(await ShowAsync(auth, bad));

        Assert.Equal(200, (await ShowAsync(auth, good)).Status);
    }

    [Fact]
    public async Task J_01_an_issuer_or_client_without_trust_is_refused_in_the_words_of_UAA()
    {
        await using var auth = await StartAsync();
        await Given.ClientAsync(auth, "other", Given.JwtBearer, "ui");

        var unknown = await ShowAsync(auth, Assertion(auth, claims => claims["iss"] = "https://other.example"));
        var foreign = await ShowAsync(auth, Assertion(auth), "other:other-secret");
        var missing = await auth.TokenAsync("ci:ci-secret", ("grant_type", Given.JwtBearer));

        Assert.Equal(401, unknown.Status);
        Assert.Equal("""{"error":"unauthorized","error_description":"Unable to map issuer, https://other.example , to a single registered provider"}""", unknown.Body);
        Assert.Equal("""{"error":"unauthorized","error_description":"Unable to map issuer, https://issuer.example , to a single registered provider"}""", foreign.Body);
        Assert.Equal("""{"error":"unauthorized","error_description":"Assertion is missing"}""", missing.Body);
    }

    [Fact]
    public async Task J_03_V_012_once_the_issuer_is_not_trusted_any_more_nothing_is_renewed()
    {
        await using var auth = await StartAsync();
        var refresh = (await ShowAsync(auth, Assertion(auth))).RefreshToken;
        await using var later = await auth.AnotherAsync(("auth:trust:issuers:0:enabled", "false"));

        Assert.Equal(401, (await later.RefreshAsync(refresh, "ci:ci-secret")).Status);
        Assert.Equal(401, (await ShowAsync(later, Assertion(auth))).Status);

        Assert.Equal(200, (await auth.RefreshAsync(refresh, "ci:ci-secret")).Status);
    }

    [Fact]
    public async Task J_01_our_own_id_tokens_count_only_where_a_setting_says_so_and_for_their_client()
    {
        await using var auth = await StartAsync();
        await using var allowing = await auth.AnotherAsync(("auth:trust:ownIdTokens", "true"));
        await Given.ClientAsync(auth, "other", Given.JwtBearer, "ui");
        await auth.ExecuteAsync($"UPDATE clients SET grant_types = 'password {Given.JwtBearer}' WHERE client_id = 'app'");
        var idToken = (await auth.SignInAsync(client: "app:appclientsecret")).Text("id_token");

        Assert.Equal("unauthorized", (await ShowAsync(auth, idToken, "app:appclientsecret")).Text("error"));
        Refused(await ShowAsync(allowing, idToken, "other:other-secret"));
        Refused(await ShowAsync(allowing, (await auth.SignInAsync(client: "app:appclientsecret")).AccessToken, "app:appclientsecret"));
        Assert.Equal("demo", (await ShowAsync(allowing, idToken, "app:appclientsecret")).Claims.GetProperty("user_name").GetString());
        Refused(await ShowAsync(allowing, idToken, "app:appclientsecret"));
    }

    [Fact]
    public async Task J_01_keys_are_fetched_from_where_the_issuer_publishes_them()
    {
        using var listener = new HttpListener();
        var port = FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var calls = 0;
        var serving = ServeAsync(listener, () => { calls++; return $$"""{"keys":[{{Jwk(_key)}}]}"""; });
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, [.. Trust.Where(setting => setting.Item1 != "auth:trust:issuers:0:jwks"),
            ("auth:trust:issuers:0:jwksUri", $"http://127.0.0.1:{port}/keys")]);
        await ClientAsync(auth);

        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth))).Status);
        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth))).Status);
        Assert.Equal(1, calls);
        for (var i = 0; i < 5; i++) Refused(await ShowAsync(auth, Assertion(auth, header: $$"""{"alg":"ES256","kid":"made-up-{{i}}"}""")));
        Assert.Equal(1, calls);
        auth.Clock.Advance(TimeSpan.FromMinutes(6));
        listener.Stop();
        await serving;
        Assert.Equal(200, (await ShowAsync(auth, Assertion(auth))).Status);
        auth.Clock.Advance(TimeSpan.FromHours(1));
        Refused(await ShowAsync(auth, Assertion(auth)));
    }

    [Fact]
    public async Task V_112_an_issuer_that_gives_no_keys_is_asked_again_after_a_while_and_delays_no_other()
    {
        using var listener = new HttpListener();
        var (port, silentPort) = (FreePort(), FreePort());
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var calls = 0;
        var serving = ServeAsync(listener, () => Interlocked.Increment(ref calls) == 1 ? "<html>" : $$"""{"keys":[{{Jwk(_key)}}]}""");
        using var silent = new System.Net.Sockets.TcpListener(IPAddress.Loopback, silentPort);
        silent.Start();
        await using var auth = await DemoAuth.StartAsync();
        var keys = auth.Services.GetRequiredService<TrustedKeys>();
        var (answering, waiting) = (new TrustedIssuer { JwksUri = $"http://127.0.0.1:{port}/keys" }, new TrustedIssuer { JwksUri = $"http://127.0.0.1:{silentPort}/keys" });
        var cancel = TestContext.Current.CancellationToken;

        using var given = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var stuck = keys.OfAsync(waiting, null, given.Token);
        for (var i = 0; i < 3; i++) Assert.Equal("the issuer's keys are no JSON", (await keys.OfAsync(answering, "kid", cancel)).Error);
        Assert.False(stuck.IsCompleted);
        Assert.Equal(1, calls);
        auth.Clock.SetBack(TimeSpan.FromHours(1)); // which is no reason to leave it alone for longer
        auth.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.True((await keys.OfAsync(answering, "kid", cancel)).IsSuccess);
        Assert.Equal(2, calls);

        await given.CancelAsync();
        await Task.WhenAny(stuck);
        listener.Stop();
        await serving;
    }

    [Theory]
    [InlineData("auth:trust:issuers:0:subjects", "", "auth:trust:issuers:0:subjects must say whom it may sign in")]
    [InlineData("auth:trust:issuers:0:clients", "", "auth:trust:issuers:0:clients must name who may show its assertions")]
    [InlineData("auth:trust:issuers:0:algorithms", "HS256", "auth:trust:issuers:0:algorithms must be some of ES256 RS256 PS256")]
    [InlineData("auth:trust:issuers:0:jwks", """{"keys":[{"kty":"oct","k":"AAAA"}]}""", "auth:trust:issuers:0:jwks is no JWK set of public keys")]
    [InlineData("auth:trust:issuers:0:jwksUri", "http://127.0.0.1/keys", "auth:trust:issuers:0 needs either jwks or jwksUri")]
    public async Task A_trust_that_says_too_little_does_not_start(string setting, string value, string why)
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        var settings = database.Settings([("mesh:demo", "true"), .. Trust.Where(one => one.Item1 != setting), (setting, value)]);

        Assert.Contains(why, await AuthProcess.RefusalAsync(settings), StringComparison.Ordinal);
    }

    private (string, string)[] Trust =>
    [
        ("auth:trust:issuers:0:issuer", Issuer),
        ("auth:trust:issuers:0:jwks", $$"""{"keys":[{{Jwk(_key)}}]}"""),
        ("auth:trust:issuers:0:clients", "ci"),
        ("auth:trust:issuers:0:subjects", "demo nobody"),
    ];

    private static void Refused(Reply reply)
    {
        Assert.True(reply.Status == 401, $"{reply.Status} {reply.Body}");
        Assert.Equal("""{"error":"invalid_token","error_description":"The assertion is not acceptable"}""", reply.Body);
    }

    private async Task<DemoAuth> StartAsync(SqlEngine engine = SqlEngine.Sqlite)
    {
        var auth = await DemoAuth.StartAsync(engine, Trust);
        await ClientAsync(auth);
        return auth;
    }

    private static Task ClientAsync(DemoAuth auth) => Given.ClientAsync(auth, "ci", Given.JwtBearer + " refresh_token", "ui openid");

    private static Task<Reply> ShowAsync(DemoAuth auth, string assertion, string client = "ci:ci-secret") =>
        auth.TokenAsync(client, ("grant_type", Given.JwtBearer), ("assertion", assertion));

    private static void Set(DemoAuth auth, JsonObject claims, string claim, string? value)
    {
        claims.Remove(claim);
        if (value is null) return;
        claims[claim] = claim is "exp" or "iat" or "nbf" && int.TryParse(value, out var seconds) ? auth.Clock.GetUtcNow().ToUnixTimeSeconds() + seconds : JsonNode.Parse(value);
    }

    private string Assertion(DemoAuth auth, Action<JsonObject>? change = null, string header = """{"alg":"ES256","typ":"JWT"}""", ECDsa? key = null)
    {
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        var claims = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = "demo",
            ["aud"] = Us,
            ["iat"] = now,
            ["exp"] = now + 120,
            ["jti"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        };
        change?.Invoke(claims);
        var signed = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        return signed + "." + Base64Url.EncodeToString((key ?? _key).SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256));
    }

    // The public key taken for a secret.
    private string Hmac(string payload)
    {
        var signed = Base64Url.EncodeToString("""{"alg":"HS256","typ":"JWT"}"""u8) + "." + payload;
        return signed + "." + Base64Url.EncodeToString(HMACSHA256.HashData(_key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(signed)));
    }

    private static string Jwk(ECDsa key)
    {
        var point = key.ExportParameters(false).Q;
        return $$"""{"kty":"EC","crv":"P-256","use":"sig","kid":"k1","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"}""";
    }

    private static int FreePort()
    {
        using var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static async Task ServeAsync(HttpListener listener, Func<string> body)
    {
        try
        {
            while (true)
            {
                var context = await listener.GetContextAsync();
                context.Response.ContentType = "application/json";
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body()));
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test has stopped it.
        }
    }
}
