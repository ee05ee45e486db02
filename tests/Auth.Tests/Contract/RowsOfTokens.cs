using System.Text;
using System.Text.Json.Nodes;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Authorize;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Auth.Tests.Token;
using Agent = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>What tokens are good for, for how long, and what they are not taken for.</summary>
public sealed class RowsOfTokens
{
    private const string Service = "account-service:account-secret";

    [Fact]
    public async Task B_13_a_public_clients_refresh_token_is_rotated_and_an_old_one_ends_the_family()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.RegisterAsync("spa", redirects: ["https://client.example/cb"], isPublic: true);
        var browser = new Agent(auth);
        await browser.SignInAsync();
        var code = (await browser.AuthorizeAsync(Agent.Web(("client_id", "spa"), ("redirect_uri", "https://client.example/cb")))).Code;
        var first = await auth.PostAsync("uaa/oauth/token", null,
            ("grant_type", "authorization_code"), ("client_id", "spa"), ("code", code), ("redirect_uri", "https://client.example/cb"), ("code_verifier", Agent.Verifier));
        Task<Reply> RefreshAsync(string token) => auth.PostAsync("uaa/oauth/token", null, ("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", token));

        var second = await RefreshAsync(first.RefreshToken);
        auth.Clock.Advance(TimeSpan.FromMinutes(2));
        var third = await RefreshAsync(second.RefreshToken);
        auth.Clock.Advance(TimeSpan.FromMinutes(2));
        var old = await RefreshAsync(first.RefreshToken);
        var newest = await RefreshAsync(third.RefreshToken);

        Assert.Equal((200, 200), (second.Status, third.Status));
        Assert.Equal(3, new[] { first.RefreshToken, second.RefreshToken, third.RefreshToken }.Distinct().Count());
        Assert.NotEqual(200, old.Status);
        Assert.NotEqual(200, newest.Status);
    }

    [Fact]
    public async Task B_12_a_client_can_be_held_to_tokens_that_are_bound_to_a_key_or_a_certificate()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "free", "password", "openid");
        await Given.ClientAsync(auth, "bound", "password", "openid", metadata: new ClientMetadata { DpopBoundAccessTokens = true });
        await Given.ClientAsync(auth, "certified", "password", "openid", metadata: new ClientMetadata { TlsClientCertificateBoundAccessTokens = true });
        using var key = new SigningClient();

        var free = await auth.SignInAsync(scope: "openid", client: "free:free-secret");
        var without = await auth.SignInAsync(scope: "openid", client: "bound:bound-secret");
        var certified = await auth.SignInAsync(scope: "openid", client: "certified:certified-secret");
        var with = await SignInWithProofAsync(auth, "bound", key);

        Assert.Equal(200, free.Status);
        Assert.Equal((400, "invalid_dpop_proof"), (without.Status, without.Text("error")));
        Assert.Equal(400, certified.Status);
        Assert.False(certified.Json.TryGetProperty("access_token", out _));
        Assert.Equal(key.Thumbprint, with.Claims.GetProperty("cnf").GetProperty("jkt").GetString());
    }

    [Fact]
    public async Task B_25_OP_B_07_a_stolen_bound_token_is_no_bearer_token_in_the_header_nor_in_a_form()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "bound", "password", "openid", metadata: new ClientMetadata { DpopBoundAccessTokens = true });
        using var key = new SigningClient();
        var token = (await SignInWithProofAsync(auth, "bound", key)).AccessToken;

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(401, (await auth.PostAsync("uaa/userinfo", null, ("access_token", token))).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/users/current", token)).Status);
    }

    [Fact]
    public async Task B_14_B_24_U_11_a_token_is_for_what_its_scopes_name_or_for_the_one_resource_alone()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "wide", "client_credentials", authorities: "cloud.read cloud.write billing.eu.read uaa.none");
        (string, string)[] form = [("grant_type", "client_credentials")];

        var wide = await auth.TokenAsync("wide:wide-secret", form);
        var one = await auth.TokenAsync("wide:wide-secret", [.. form, ("scope", "billing.eu.read")]);
        var config = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://config"));
        var account = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("resource", "mesh://account-service"));
        var beyond = await auth.SignInAsync(scope: "openid uaa.admin");

        Assert.Equal(["wide", "cloud", "billing.eu", "mesh://gateway"], wide.Claims.Texts("aud"));
        Assert.Equal(["wide", "billing.eu", "mesh://gateway"], one.Claims.Texts("aud"));
        Assert.Equal(["mesh://config"], config.Claims.Texts("aud"));
        Assert.Equal((401, "invalid_token"), ((await auth.GetAsync("uaa/users/current", config.AccessToken)).Status, (await auth.GetAsync("uaa/users/current", config.AccessToken)).Text("error")));
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", config.AccessToken))).Body);
        Assert.True((await auth.PostAsync("uaa/introspect", Service, ("token", account.AccessToken))).Json.GetProperty("active").GetBoolean());
        Assert.Equal((400, "invalid_scope"), (beyond.Status, beyond.Text("error")));
    }

    [Fact]
    public async Task B_28_a_refresh_token_is_its_clients_for_its_scopes_and_ends_unused_or_with_the_password()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "keeper", "password refresh_token", "openid ui profile");
        await Given.ClientAsync(auth, "thief", "password refresh_token", "openid ui profile");
        var id = await auth.UserAsync("berta");
        Task<Reply> SignInAsync(params (string, string)[] more) => auth.TokenAsync(
            "keeper:keeper-secret", [("grant_type", "password"), ("username", "berta"), ("password", "geheim7"), ("scope", "openid ui"), .. more]);
        var (used, narrowed, unused) = (await SignInAsync(), await SignInAsync(("resource", "mesh://config")), await SignInAsync());

        Assert.NotEqual(200, (await auth.RefreshAsync(used.RefreshToken, "thief:thief-secret")).Status);
        Assert.NotEqual(200, (await auth.RefreshAsync(used.RefreshToken, "keeper:keeper-secret", ("scope", "profile"))).Status);
        Assert.NotEqual(200, (await auth.RefreshAsync(narrowed.RefreshToken, "keeper:keeper-secret", ("resource", "mesh://account-service"))).Status);
        var renewed = await auth.RefreshAsync(narrowed.RefreshToken, "keeper:keeper-secret");
        Assert.Equal(["mesh://config"], renewed.Claims.Texts("aud"));
        auth.Clock.Advance(TimeSpan.FromDays(13));
        var kept = await auth.RefreshAsync(used.RefreshToken, "keeper:keeper-secret");
        Assert.Equal(200, kept.Status);
        auth.Clock.Advance(TimeSpan.FromDays(2));
        Assert.NotEqual(200, (await auth.RefreshAsync(unused.RefreshToken, "keeper:keeper-secret")).Status);
        kept = await auth.RefreshAsync(kept.RefreshToken, "keeper:keeper-secret");
        Assert.Equal(200, kept.Status);
        var changed = await auth.CallAsync("PUT", $"uaa/Users/{id}/password", await auth.AdminAsync(), """{"password":"anders88"}""");
        Assert.True(changed.Status == 200, changed.Body);
        Assert.NotEqual(200, (await auth.RefreshAsync(kept.RefreshToken, "keeper:keeper-secret")).Status);
    }

    [Fact]
    public async Task U_10_ten_minutes_and_thirty_days_unless_the_client_has_values_of_its_own()
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "keeper", "password refresh_token", "openid ui");
        var reply = await auth.SignInAsync(client: "keeper:keeper-secret");
        Assert.Equal(600, reply.Claims.GetProperty("exp").GetInt64() - reply.Claims.GetProperty("iat").GetInt64());
        foreach (var days in new[] { 13, 13 })
        {
            auth.Clock.Advance(TimeSpan.FromDays(days));
            reply = await auth.RefreshAsync(reply.RefreshToken, "keeper:keeper-secret");
            Assert.Equal(200, reply.Status);
        }
        auth.Clock.Advance(TimeSpan.FromDays(5));
        Assert.NotEqual(200, (await auth.RefreshAsync(reply.RefreshToken, "keeper:keeper-secret")).Status);

        await auth.ExecuteAsync("UPDATE clients SET access_token_validity = 43200 WHERE client_id = 'keeper'");
        Assert.Equal(43200, (await auth.SignInAsync(client: "keeper:keeper-secret")).Json.GetProperty("expires_in").GetInt32());
    }

    [Fact]
    public async Task U_13_an_id_token_is_refused_wherever_an_access_token_is_wanted()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        var id = signIn.Text("id_token");

        Assert.Equal(("access", "id"), (signIn.Claims.GetProperty("token_use").GetString(), Jwt.Payload(id).GetProperty("token_use").GetString()));
        foreach (var path in new[] { "uaa/userinfo", "uaa/users/current" })
        {
            Assert.Equal(200, (await auth.GetAsync(path, signIn.AccessToken)).Status);
            Assert.Equal(401, (await auth.GetAsync(path, id)).Status);
        }
        Assert.Equal(400, (await auth.PostAsync("uaa/check_token", Service, ("token", id))).Status);
        Assert.Equal("""{"active":false}""", (await auth.PostAsync("uaa/introspect", Service, ("token", id))).Body);

        // The type alone is not what keeps the two apart.
        var claims = JsonNode.Parse(signIn.Claims.GetRawText())!.AsObject();
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", Given.Signed(auth, "at+jwt", claims.ToJsonString()))).Status);
        claims["token_use"] = "id";
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", Given.Signed(auth, "at+jwt", claims.ToJsonString()))).Status);
    }

    [Theory]
    [InlineData("at+jwt", "iss", "https://elsewhere.example/uaa/oauth/token")]
    [InlineData("at+jwt", "zid", "another-zone")]
    [InlineData("logout+jwt", "zid", "uaa")]
    [InlineData("secevent+jwt", "zid", "uaa")]
    public async Task V_078_a_token_of_another_issuer_zone_or_purpose_is_refused_though_the_key_is_ours(string typ, string claim, string value)
    {
        await using var auth = await DemoAuth.StartAsync();
        var claims = JsonNode.Parse((await auth.SignInAsync()).Claims.GetRawText())!.AsObject();
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", Given.Signed(auth, "at+jwt", claims.ToJsonString()))).Status);
        claims[claim] = value;

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", Given.Signed(auth, typ, claims.ToJsonString()))).Status);
    }

    [Fact]
    public async Task JA_05_the_claims_of_UAA_are_there_and_open_nothing_by_themselves()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        foreach (var extra in new[] { "zid", "origin", "user_name", "grant_type", "rev_sig" }) Assert.NotEqual("", signIn.Claims.GetProperty(extra).GetString());
        var claims = JsonNode.Parse(signIn.Claims.GetRawText())!.AsObject();
        claims["authorities"] = new JsonArray("uaa.admin", "scim.read", "clients.read");
        claims["user_name"] = "admin";
        claims["grant_type"] = "client_credentials";

        var token = Given.Signed(auth, "at+jwt", claims.ToJsonString());

        foreach (var path in new[] { "uaa/Users", "uaa/oauth/clients" }) Assert.Equal(403, (await auth.GetAsync(path, token)).Status);
        Assert.Equal("demo", (await auth.GetAsync("uaa/userinfo", token)).Text("user_name"));
    }

    [Theory]
    [InlineData(null, "RS256")]
    [InlineData("RS256", "RS256")]
    [InlineData("ES256", "ES256")]
    public async Task OP_D_01_the_id_token_is_signed_as_the_client_is_registered(string? registered, string expected)
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "signed", "password", "openid", metadata: new ClientMetadata { IdTokenSignedResponseAlg = registered });

        var id = (await auth.SignInAsync(scope: "openid", client: "signed:signed-secret")).Text("id_token");

        Assert.Equal(expected, Jwt.Header(id).GetProperty("alg").GetString());
        var keys = (await auth.GetAsync("uaa/token_keys")).Json;
        Assert.True(Jwt.IsSignedBy(id, keys));
    }

    [Theory]
    [InlineData("urn:ietf:params:oauth:token-type:refresh_token")]
    [InlineData("urn:ietf:params:oauth:token-type:access_token")]
    public async Task E_07_an_exchange_gives_no_refresh_token_even_to_a_client_that_may_refresh(string wanted)
    {
        await using var auth = await DemoAuth.StartAsync();
        await Given.ClientAsync(auth, "service", Given.Exchange + " refresh_token", "ui openid", "server");

        var reply = await auth.TokenAsync("service:service-secret", ("grant_type", Given.Exchange), ("subject_token", (await auth.SignInAsync()).AccessToken),
            ("subject_token_type", Given.AccessTokenType), ("requested_token_type", wanted));

        Assert.Equal(wanted == Given.AccessTokenType ? 200 : 400, reply.Status);
        Assert.False(reply.Json.TryGetProperty("refresh_token", out _));
    }

    private static async Task<Reply> SignInWithProofAsync(DemoAuth auth, string client, SigningClient key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "password"), new("username", "demo"), new("password", "demo"), new("scope", "openid")]),
        };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client}:{client}-secret")));
        request.Headers.Add("DPoP", key.Sign(
            new() { ["typ"] = "dpop+jwt", ["alg"] = "ES256", ["jwk"] = key.Bare },
            new() { ["htm"] = "POST", ["htu"] = "http://localhost:8080/uaa/oauth/token", ["iat"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds(), ["jti"] = "proof-" + client }));
        var reply = await auth.SendAsync(request);
        Assert.True(reply.Status == 200, reply.Body);
        return reply;
    }
}
