using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Authorize;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Sdk;
using AuthorizeBrowser = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Dpop;

/// <summary>The code flow of a public client whose code and tokens are bound to its key.</summary>
public sealed class DpopCodeTests(DemoAuth auth) : IClassFixture<DemoAuth>, IDisposable
{
    private const string Redirect = "https://spa.example/cb";
    private const string Base = "http://localhost:8080/";
    private readonly SigningClient _key = new();
    private readonly SigningClient _other = new();

    public void Dispose()
    {
        _key.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task F2_17_DP_03_a_public_client_pushes_exchanges_and_renews_with_one_key()
    {
        var spa = await RegisterAsync("spa-one");
        var pushed = await PushAsync(spa, _key);
        Assert.Equal(201, pushed.Status);
        var code = await AuthorizeAsync(("client_id", spa), ("request_uri", pushed.Text("request_uri")));

        var tokens = await RedeemAsync(spa, code, _key);

        Assert.Equal(200, tokens.Status);
        Assert.Equal("DPoP", tokens.Text("token_type"));
        Assert.Equal("none", tokens.Claims.GetProperty("client_auth_method").GetString());
        Assert.Equal(_key.Thumbprint, tokens.Claims.GetProperty("cnf").GetProperty("jkt").GetString());
        (string, string)[] refresh = [("grant_type", "refresh_token"), ("client_id", spa), ("refresh_token", tokens.RefreshToken)];
        Assert.Equal("invalid_dpop_proof", (await AskAsync(null, refresh)).Text("error"));
        Assert.Equal("invalid_dpop_proof", (await AskAsync(_other, refresh)).Text("error"));
        Assert.Equal(200, (await AskAsync(_key, refresh)).Status);
    }

    [Fact]
    public async Task F2_15_a_code_that_a_proof_bound_is_not_exchanged_with_another_key_and_not_spent_by_the_attempt()
    {
        var spa = await RegisterAsync("spa-two");
        var code = await AuthorizeAsync(("client_id", spa), ("request_uri", (await PushAsync(spa, _key)).Text("request_uri")));

        foreach (var wrong in new[] { _other, null })
        {
            var refused = await RedeemAsync(spa, code, wrong);
            Assert.Equal((400, "invalid_dpop_proof"), (refused.Status, refused.Text("error")));
        }
        Assert.Equal(200, (await RedeemAsync(spa, code, _key)).Status);
    }

    [Fact]
    public async Task F2_16_DP_04_dpop_jkt_binds_the_code()
    {
        var spa = await RegisterAsync("spa-three");
        var code = await AuthorizeAsync(Request(spa, ("dpop_jkt", _key.Thumbprint)));

        Assert.Equal("invalid_dpop_proof", (await RedeemAsync(spa, code, _other)).Text("error"));
        Assert.Equal(200, (await RedeemAsync(spa, code, _key)).Status);
    }

    [Fact]
    public async Task F2_14_DP_04_dpop_jkt_and_the_proof_at_par_must_agree()
    {
        var spa = await RegisterAsync("spa-four");

        Assert.Equal(201, (await PushAsync(spa, _key, ("dpop_jkt", _key.Thumbprint))).Status);
        var refused = await PushAsync(spa, _key, ("dpop_jkt", _other.Thumbprint));
        Assert.Equal((400, "invalid_dpop_proof"), (refused.Status, refused.Text("error")));
    }

    [Fact]
    public async Task A_03_the_name_of_a_public_client_opens_no_grant_that_proves_nothing()
    {
        var spa = await RegisterAsync("spa-five", "authorization_code refresh_token client_credentials password");
        (string, string)[] name = [("client_id", spa)];

        foreach (var grant in new (string, string)[][]
        {
            [("grant_type", "client_credentials")], [("grant_type", "password"), ("username", "demo"), ("password", "demo")],
        })
            Assert.Equal((401, "invalid_client"), await RefusalAsync([.. name, .. grant]));
        Assert.Equal(401, (await auth.PostAsync("uaa/introspect", null, [.. name, ("token", "x")])).Status);
        // Without its secret a confidential client is not a public one.
        var code = await AuthorizeAsync(Request(spa));
        Assert.Equal((401, "invalid_client"), await RefusalAsync(("client_id", "web"), ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Redirect), ("code_verifier", AuthorizeBrowser.Verifier)));
        Assert.Equal(200, (await RedeemAsync(spa, code, null)).Status);
    }

    private async Task<(int, string)> RefusalAsync(params (string, string)[] form)
    {
        var reply = await auth.PostAsync("uaa/oauth/token", null, form);
        return (reply.Status, reply.Text("error"));
    }

    private async Task<string> RegisterAsync(string id, string grants = "authorization_code refresh_token")
    {
        await auth.RegisterAsync(id, grants, redirects: [Redirect], isPublic: true, metadata: new ClientMetadata());
        return id;
    }

    private static (string, string)[] Request(string client, params (string, string)[] more) => AuthorizeBrowser.With(
        [("client_id", client), ("response_type", "code"), ("redirect_uri", Redirect), ("scope", "openid"), ("code_challenge", AuthorizeBrowser.Challenge), ("code_challenge_method", "S256")], more);

    private Task<Reply> PushAsync(string client, SigningClient key, params (string, string)[] more) => SendAsync("uaa/oauth/par", key, Request(client, more));

    private async Task<string> AuthorizeAsync(params (string, string)[] parameters)
    {
        var browser = new AuthorizeBrowser(auth);
        await browser.SignInAsync();
        return (await browser.AuthorizeAsync(parameters)).Code;
    }

    private Task<Reply> RedeemAsync(string client, string code, SigningClient? key) => AskAsync(
        key, ("grant_type", "authorization_code"), ("client_id", client), ("code", code), ("redirect_uri", Redirect), ("code_verifier", AuthorizeBrowser.Verifier));

    private Task<Reply> AskAsync(SigningClient? key, params (string, string)[] form) => SendAsync("uaa/oauth/token", key, form);

    private async Task<Reply> SendAsync(string path, SigningClient? key, (string, string)[] form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(form.Select(pair => new KeyValuePair<string, string>(pair.Item1, pair.Item2))),
        };
        if (key is not null)
            request.Headers.TryAddWithoutValidation("DPoP", key.Sign(
                new() { ["typ"] = "dpop+jwt", ["alg"] = "ES256", ["jwk"] = key.Bare },
                new() { ["jti"] = Entropy.Token(), ["htm"] = "POST", ["htu"] = Base + path, ["iat"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds() }));
        return await auth.SendAsync(request);
    }
}
