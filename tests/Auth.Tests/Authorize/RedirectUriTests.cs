namespace SecureMesh.Auth.Tests.Authorize;

public sealed class RedirectUriTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Registered = "https://client.example/cb";

    [Theory]
    [InlineData("https://client.example/cb/", "slash added")]
    [InlineData("https://client.example/", "path cut")]
    [InlineData("https://client.example", "no path")]
    [InlineData("https://client.example/cb/more", "path longer")]
    [InlineData("https://client.example/CB", "V_027 case of the path")]
    [InlineData("https://CLIENT.example/cb", "case of the host")]
    [InlineData("HTTPS://client.example/cb", "case of the scheme")]
    [InlineData("http://client.example/cb", "plain")]
    [InlineData("https://client.example:443/cb", "default port")]
    [InlineData("https://client.example:8443/cb", "other port")]
    [InlineData("https://client.example/cb?", "empty query")]
    [InlineData("https://client.example/cb?x=1", "OP_D_06 query added")]
    [InlineData("https://client.example/cb#", "empty fragment")]
    [InlineData("https://client.example/cb#x", "fragment")]
    [InlineData("https://client.example/x/../cb", "traversal")]
    [InlineData("https://client.example/x/%2e%2e/cb", "encoded traversal")]
    [InlineData("https://client.example/%63b", "encoded letter")]
    [InlineData("https://client.example//cb", "two slashes")]
    [InlineData("https://client.example\\cb", "backslash")]
    [InlineData("https://user@client.example/cb", "user name")]
    [InlineData("https://a@b@client.example/cb", "V_060 two user names")]
    [InlineData("https://client.example@evil.example/cb", "registered host as user name")]
    [InlineData("https://client.example.evil.example/cb", "V_081 host suffix")]
    [InlineData("https://client-example/cb", "V_081 dot as any character")]
    [InlineData("https://evil.client.example/cb", "V_019 sub-domain")]
    [InlineData("https://*.example/cb", "V_019 wildcard")]
    [InlineData("https://client.example/cb\n", "line feed")]
    [InlineData("\thttps://client.example/cb", "tab")]
    [InlineData("https://client.example/cb;x", "path parameter")]
    [InlineData("//client.example/cb", "no scheme")]
    [InlineData("/cb", "relative")]
    [InlineData("javascript:alert(1)//client.example/cb", "V_081 script")]
    [InlineData("https://client.example/cb\u00e9", "not ASCII")]
    public async Task B_01_B_02_V_019_V_027_V_060_V_081_OP_B_30_OP_D_06_A_01_another_redirect_uri_is_shown_and_never_followed(string uri, string mutation)
    {
        await RegisterAsync("table", Registered);
        var browser = new Browser(auth);
        await browser.SignInAsync();
        // All else is wrong too, and prompt=none asks for an answer at once: the address comes first.
        (string, string)[] request = [("client_id", "table"), ("redirect_uri", uri), ("response_type", "nonsense"), ("prompt", "none"), ("state", "s")];

        var page = await browser.AuthorizeAsync(request);
        var json = await browser.SendAsync(new HttpRequestMessage(HttpMethod.Get, "uaa/oauth/authorize?" + Browser.Query(request)), "application/json");

        Assert.True(page.Status == 400, mutation);
        Assert.Null(page.Location);
        Assert.Contains("text/html", page.Header("Content-Type"), StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", page.Header("Content-Security-Policy"), StringComparison.Ordinal);
        Assert.DoesNotContain("client.example", page.Body, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("alert(1)", page.Body, StringComparison.Ordinal);
        Assert.Equal(400, json.Status);
        Assert.Equal("invalid_grant", json.Reply.Text("error"));
        Assert.StartsWith("Invalid redirect ", json.Reply.Text("error_description"), StringComparison.Ordinal);
        Assert.EndsWith(" did not match one of the registered values", json.Reply.Text("error_description"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task B_01_the_registered_one_is_followed()
    {
        await RegisterAsync("table", Registered);
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(("client_id", "table"), ("redirect_uri", Registered), ("response_type", "code"));

        Assert.StartsWith(Registered + "?code=", answer.Location, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1/callback", true)]
    [InlineData("http://127.0.0.1:49152/callback", true)]
    [InlineData("http://127.0.0.1:1/callback", true)]
    [InlineData("http://[::1]:49152/callback", true)]
    [InlineData("http://127.0.0.1:49152/other", false)]
    [InlineData("http://127.0.0.1:49152/callback?x=1", false)]
    [InlineData("http://127.0.0.1:49152/Callback", false)]
    [InlineData("http://127.0.0.1:65536/callback", false)]
    [InlineData("http://127.0.0.1:049/callback", false)]
    [InlineData("http://127.0.0.1:/callback", false)]
    [InlineData("http://127.0.0.1:1@evil.example/callback", false)]
    [InlineData("http://127.0.0.1.evil.example/callback", false)]
    [InlineData("http://127.0.0.2:49152/callback", false)]
    [InlineData("http://localhost:49152/callback", false)]
    [InlineData("https://127.0.0.1:49152/callback", false)]
    [InlineData("http://[::1]:49152/callback/", false)]
    public async Task B_01_V_027_a_native_client_has_any_port_of_its_loopback_address_and_nothing_else(string uri, bool good)
    {
        var browser = new Browser(auth);

        var page = await browser.AuthorizeAsync(
            ("client_id", "mesh-cli"), ("redirect_uri", uri), ("response_type", "code"), ("prompt", "none"), ("code_challenge", Browser.Challenge), ("code_challenge_method", "S256"));

        Assert.Equal(good ? 302 : 400, page.Status);
        if (good) Assert.StartsWith(uri + "?error=login_required", page.Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task B_01_the_port_of_a_client_that_is_not_native_stays()
    {
        await RegisterAsync("loopback", "http://127.0.0.1:8000/callback");

        var page = await new Browser(auth).AuthorizeAsync(("client_id", "loopback"), ("redirect_uri", "http://127.0.0.1:8001/callback"), ("response_type", "code"));

        Assert.Equal(400, page.Status);
    }

    [Fact]
    public async Task OP_D_03_left_out_it_is_the_only_one_that_is_registered_and_with_two_there_is_none()
    {
        await RegisterAsync("one", Registered);
        await RegisterAsync("two", Registered, "https://client.example/other");
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var one = await browser.AuthorizeAsync(("client_id", "one"), ("response_type", "code"));
        var two = await browser.AuthorizeAsync(("client_id", "two"), ("response_type", "code"));
        var redeemed = await auth.RedeemAsync(one.Code, "one:secret", "");

        Assert.StartsWith(Registered + "?code=", one.Location, StringComparison.Ordinal);
        Assert.Equal(200, redeemed.Status);
        Assert.Equal(400, two.Status);
        Assert.Null(two.Location);
    }

    [Fact]
    public async Task OP_D_04_OP_D_05_a_registered_query_stays_and_must_be_the_same()
    {
        await RegisterAsync("query", "https://client.example/cb?tenant=1&x=a%20b");
        var browser = new Browser(auth);
        await browser.SignInAsync();
        (string, string)[] request = [("client_id", "query"), ("response_type", "code"), ("state", "s")];

        var good = await browser.AuthorizeAsync([.. request, ("redirect_uri", "https://client.example/cb?tenant=1&x=a%20b")]);
        var other = await browser.AuthorizeAsync([.. request, ("redirect_uri", "https://client.example/cb?tenant=2&x=a%20b")]);

        Assert.StartsWith("https://client.example/cb?tenant=1&x=a%20b&code=", good.Location, StringComparison.Ordinal);
        Assert.Equal("1", good["tenant"]);
        Assert.Equal(400, other.Status);
    }

    [Theory]
    [InlineData("https://client.example/cb?code=x")]
    [InlineData("https://client.example/cb?a=b&state=x")]
    [InlineData("https://client.example/cb?%63ode=x")]
    [InlineData("https://client.example/*")]
    [InlineData("javascript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("https://user@client.example/cb")]
    public async Task V_061_V_019_V_081_an_address_that_must_not_be_registered_gets_no_answer_though_it_is(string uri)
    {
        var id = "bad" + Math.Abs(string.GetHashCode(uri, StringComparison.Ordinal));
        await RegisterAsync(id, uri);
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.Equal(400, (await browser.AuthorizeAsync(("client_id", id), ("response_type", "code"), ("redirect_uri", uri))).Status);
        Assert.Equal(400, (await browser.AuthorizeAsync(("client_id", id), ("response_type", "code"))).Status);
    }

    [Fact]
    public async Task A_01_an_unknown_or_disabled_client_is_shown_before_anything_else()
    {
        await RegisterAsync("off", Registered);
        await auth.ExecuteAsync("UPDATE clients SET enabled = @no WHERE client_id = 'off'");
        var browser = new Browser(auth);

        var none = await browser.AuthorizeAsync(("redirect_uri", Registered));
        var unknown = await browser.AuthorizeAsync(("client_id", "<b>who</b>"), ("redirect_uri", Registered), ("response_type", "code"), ("prompt", "none"));
        var disabled = await browser.GetAsync("uaa/oauth/authorize?client_id=off&response_type=code", "application/json");

        Assert.Equal(400, none.Status);
        Assert.Equal(401, unknown.Status);
        Assert.Null(unknown.Location);
        Assert.DoesNotContain("who", unknown.Body, StringComparison.Ordinal);
        Assert.Equal(401, disabled.Status);
        Assert.Equal("invalid_client", disabled.Reply.Text("error"));
    }

    private Task RegisterAsync(string id, params string[] uris) => RegisterOnceAsync(id, uris);

    private async Task RegisterOnceAsync(string id, string[] uris)
    {
        await auth.ExecuteAsync($"DELETE FROM clients WHERE client_id = '{id}'");
        await auth.RegisterAsync(id, redirects: uris);
    }
}
