using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class PushedRequestTests
{
    private const string Urn = "urn:ietf:params:oauth:request_uri:";

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task PA_01_PA_03_F2_43_a_pushed_request_works_and_what_stands_beside_it_is_ignored(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var pushed = await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web(("state", "pushed"), ("nonce", "n")));
        var answer = await browser.AuthorizeAsync(
            ("client_id", "web"), ("request_uri", pushed.Text("request_uri")), ("state", "front"), ("scope", "ui"), ("redirect_uri", "https://evil.example/"), ("response_type", "token"), ("nonce", "front"));
        var tokens = await RedeemAsync(auth, answer.Code);

        Assert.Equal(201, pushed.Status);
        Assert.StartsWith(Urn, pushed.Text("request_uri"), StringComparison.Ordinal);
        Assert.Equal(Urn.Length + 43, pushed.Text("request_uri").Length);
        Assert.Equal(90, pushed.Json.GetProperty("expires_in").GetInt32());
        Assert.Equal("no-store", pushed.Headers.CacheControl!.ToString());
        Assert.StartsWith(Browser.WebUri + "?code=", answer.Location, StringComparison.Ordinal);
        Assert.Equal("pushed", answer["state"]);
        Assert.Equal("openid", tokens.Text("scope"));
        Assert.Equal("n", Jwt.Payload(tokens.Text("id_token")).GetProperty("nonce").GetString());
    }

    [Fact]
    public async Task PA_02_F2_34_F2_35_a_request_uri_may_be_shown_again_until_it_is_completed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var uri = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri");
        (string, string)[] front = [("client_id", "web"), ("request_uri", uri)];

        var first = await browser.AuthorizeAsync(front);
        var second = await browser.AuthorizeAsync(front);
        await browser.SignInAsync();
        var done = await browser.ResumeAsync(second.Transaction);
        var late = await browser.ResumeAsync(first.Transaction);
        var again = await browser.AuthorizeAsync(front);

        Assert.StartsWith("/uaa/login?transaction=", first.Location, StringComparison.Ordinal);
        Assert.Equal(43, done.Code.Length);
        Assert.Equal(400, late.Status);
        Assert.Equal(400, again.Status);
        Assert.Null(again.Location);
    }

    [Fact]
    public async Task T_01_PA_02_of_many_visits_at_once_one_is_answered()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var uri = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri");

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => browser.AuthorizeAsync(("client_id", "web"), ("request_uri", uri))));

        Assert.Single(answers, answer => answer.Status == 302);
        Assert.All(answers.Where(answer => answer.Status != 302), answer => Assert.Equal(400, answer.Status));
    }

    [Fact]
    public async Task K_06_F2_36_F2_38_an_old_one_an_invented_one_and_that_of_another_client_are_refused()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        await browser.SignInAsync();
        var uri = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web())).Text("request_uri");

        var foreign = await browser.AuthorizeAsync(("client_id", "app"), ("request_uri", uri));
        var invented = await browser.AuthorizeAsync(("client_id", "web"), ("request_uri", Urn + new string('a', 43)));
        auth.Clock.Advance(TimeSpan.FromSeconds(90));
        var old = await browser.GetAsync("uaa/oauth/authorize?" + Browser.Query([("client_id", "web"), ("request_uri", uri)]), "application/json");

        Assert.All(new[] { foreign, invented, old }, answer => Assert.Equal(400, answer.Status));
        Assert.Equal("invalid_request_uri", old.Reply.Text("error"));
    }

    [Theory]
    [InlineData("request_uri", "urn:ietf:params:oauth:request_uri:x", "invalid_request", "F2_39")]
    [InlineData("redirect_uri", "https://evil.example/", "invalid_request", "F2_20")]
    [InlineData("code_challenge", "", "invalid_request", "F2_41")]
    [InlineData("code_challenge_method", "plain", "invalid_request", "F2_41")]
    [InlineData("response_type", "token", "unauthorized_client", "F2_24")]
    [InlineData("response_type", "code id_token", "unauthorized_client", "F2_24")]
    [InlineData("scope", "scim.write", "invalid_scope", "PA_01")]
    [InlineData("request", "x.y.z", "request_not_supported", "JR_01")]
    [InlineData("client_id", "app", "invalid_client", "F2_25")]
    public async Task PA_01_PA_02_F2_20_F2_21_F2_24_F2_39_F2_41_a_bad_request_is_refused_when_it_is_pushed(string name, string value, string error, string row)
    {
        await using var auth = await DemoAuth.StartAsync();

        var reply = await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web((name, value)));

        Assert.True(reply.Status is 400 or 401, $"{row} {reply.Status}");
        Assert.Equal(error, reply.Text("error"));
        Assert.Equal("application/json", reply.Content.ContentType!.MediaType);
    }

    [Fact]
    public async Task PA_01_F2_40_X_07_only_an_authenticated_client_that_posts_may_push()
    {
        await using var auth = await DemoAuth.StartAsync();

        var anonymous = await auth.PostAsync("uaa/oauth/par", null, Browser.Web());
        var wrong = await auth.PostAsync("uaa/oauth/par", "web:wrong", Browser.Web());
        var get = await auth.GetAsync("uaa/oauth/par?" + Browser.Query(Browser.Web()));
        var large = await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web(("x", new string('x', 70_000))));

        Assert.Contains(anonymous.Status, new[] { 400, 401 });
        Assert.Equal((401, "invalid_client"), (wrong.Status, wrong.Text("error")));
        Assert.Equal(405, get.Status);
        Assert.Equal("POST", get.Content.Allow.Single());
        Assert.Equal(413, large.Status);
    }

    [Fact]
    public async Task PA_05_F2_22_who_must_push_is_refused_at_the_front()
    {
        await using var auth = await DemoAuth.StartAsync();
        await using var strict = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:requirePushedAuthorizationRequests", "true"));
        await auth.RegisterAsync("pushing", metadata: new ClientMetadata { RequirePkce = false, RequirePushedAuthorizationRequests = true });
        var browser = new Browser(auth);
        await browser.SignInAsync();
        (string, string)[] request = [("client_id", "pushing"), ("response_type", "code"), ("state", "s")];

        var front = await browser.AuthorizeAsync(request);
        var uri = (await auth.PostAsync("uaa/oauth/par", "pushing:secret", request)).Text("request_uri");
        var pushed = await browser.AuthorizeAsync(("client_id", "pushing"), ("request_uri", uri));
        var everybody = await new Browser(strict).AuthorizeAsync(Browser.Web());
        var says = (await strict.GetAsync("uaa/.well-known/openid-configuration")).Json.GetProperty("require_pushed_authorization_requests").GetBoolean();

        Assert.Equal(("invalid_request", "s"), (front.Error, front["state"]));
        Assert.Equal(43, pushed.Code.Length);
        Assert.Equal("invalid_request", everybody.Error);
        Assert.True(says);
    }

    [Fact]
    public async Task F2_22_F2_23_F2_24_the_profile_wants_pushing_pkce_an_address_and_a_code()
    {
        await using var auth = await DemoAuth.StartAsync();
        using var key = new SigningClient();
        var keys = JsonSerializer.SerializeToElement(new { keys = new[] { key.Jwk } });
        await auth.RegisterAsync("fapi", grants: "authorization_code implicit", metadata: new ClientMetadata { Profile = "fapi2", RequirePkce = false, Jwks = keys });
        (string, string)[] request =
        [
            ("client_id", "fapi"), ("response_type", "code"), ("redirect_uri", "https://client.example/cb"), ("code_challenge", Browser.Challenge), ("code_challenge_method", "S256"), ("nonce", "n"),
        ];
        Task<Reply> PushAsync(params (string, string)[] more) => auth.PostAsync("uaa/oauth/par", null,
            [.. Browser.With(request, more), ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), ("client_assertion", Assertion(auth, key))]);

        Assert.Equal(201, (await PushAsync()).Status);
        Assert.Equal("invalid_request", (await PushAsync(("redirect_uri", ""))).Text("error"));
        Assert.Equal("invalid_request", (await PushAsync(("code_challenge", ""), ("code_challenge_method", ""))).Text("error"));
        Assert.Equal("unauthorized_client", (await PushAsync(("response_type", "code id_token"))).Text("error"));
        Assert.Equal("invalid_request", (await new Browser(auth).AuthorizeAsync(request)).Error);
    }

    [Fact]
    public async Task PA_04_V_044_nothing_of_a_pushed_request_reaches_the_browser()
    {
        await using var auth = await DemoAuth.StartAsync();
        var browser = new Browser(auth);
        var uri = (await auth.PostAsync("uaa/oauth/par", "web:web-secret", Browser.Web(("state", "secret-state"), ("nonce", "secret-nonce"), ("login_hint", "secret-person")))).Text("request_uri");

        var page = await browser.AuthorizeAsync(("client_id", "web"), ("request_uri", uri));

        Assert.All(browser.Cookies.Values, value => Assert.Equal(43, value.Length));
        Assert.DoesNotContain("secret", page.Location + string.Concat(browser.Cookies.Values) + page.Body, StringComparison.Ordinal);
    }

    private static string Assertion(DemoAuth auth, SigningClient key) => key.Sign(
        new() { ["alg"] = key.Algorithm, ["kid"] = key.Kid, ["typ"] = "JWT" },
        new()
        {
            ["iss"] = "fapi",
            ["sub"] = "fapi",
            ["aud"] = "http://localhost:8080/uaa/oauth/token",
            ["jti"] = Entropy.Token(),
            ["iat"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds(),
            ["exp"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds() + 60,
        });

    private static Task<Reply> RedeemAsync(DemoAuth auth, string code) => auth.RedeemAsync(code, "web:web-secret", Browser.WebUri, ("code_verifier", Browser.Verifier));
}
