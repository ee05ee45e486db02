using System.Net;
using System.Net.Sockets;

namespace SecureMesh.Auth.Tests.Authorize;

public sealed class AuthorizationErrorTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Issuer = "http://localhost:8080/uaa/oauth/token";

    [Theory]
    [InlineData("response_type", "", "invalid_request", "OP_B_02")]
    [InlineData("response_type", "nonsense", "unsupported_response_type", "A_02")]
    [InlineData("response_type", "code code2", "unsupported_response_type", "A_02")]
    [InlineData("response_type", "none", "unsupported_response_type", "A_02")]
    [InlineData("response_type", "token", "unauthorized_client", "B_11")]
    [InlineData("response_type", "id_token", "unauthorized_client", "B_11")]
    [InlineData("response_type", "id_token token", "unauthorized_client", "B_11")]
    [InlineData("response_type", "code token", "unauthorized_client", "B_11")]
    [InlineData("response_type", "code id_token", "unauthorized_client", "B_11")]
    [InlineData("token_format", "paper", "invalid_request", "UAA")]
    [InlineData("response_mode", "nonsense", "invalid_request", "OP_F_06")]
    [InlineData("response_mode", "web_message", "invalid_request", "B_31")]
    [InlineData("response_mode", "form_post.jwt", "invalid_request", "V_060")]
    [InlineData("response_mode", "fragment", "invalid_request", "V_080")]
    [InlineData("scope", "openid scim.write", "invalid_scope", "A_02")]
    [InlineData("scope", "op\u00e9nid", "invalid_scope", "A_02")]
    [InlineData("prompt", "none login", "invalid_request", "O_01")]
    [InlineData("prompt", "nonsense", "invalid_request", "O_01")]
    [InlineData("max_age", "-1", "invalid_request", "O_02")]
    [InlineData("max_age", "soon", "invalid_request", "O_02")]
    [InlineData("max_age", "99999999999", "invalid_request", "O_02")]
    [InlineData("claims", "nonsense", "invalid_request", "O_05")]
    [InlineData("claims", "[]", "invalid_request", "O_05")]
    [InlineData("claims", "{\"id_token\":1}", "invalid_request", "O_05")]
    [InlineData("claims", "{\"userinfo\":{\"name\":true}}", "invalid_request", "O_05")]
    [InlineData("claims", "{\"id_token\":{},\"id_token\":{}}", "invalid_request", "O_05")]
    [InlineData("claims", "{\"id_token\":{\"\\ud800\":null,\"sub\":{\"value\":\"\\ud800\"}}}", "invalid_request", "O_05")]
    [InlineData("claims", "{\"id_token\":{\"email\":{\"value\":\"\\ud800\"}}}", "invalid_request", "O_05")]
    [InlineData("claims", "{\"id_token\":{\"acr\":{\"essential\":true,\"values\":[\"gold\"]}}}", "access_denied", "O_05")]
    [InlineData("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported", "OP_B_34")]
    [InlineData("request", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d", "request_not_supported", "V_057")]
    [InlineData("request_uri", "urn:something:else", "request_uri_not_supported", "OP_B_33")]
    [InlineData("registration", "{}", "registration_not_supported", "A_02")]
    [InlineData("authorization_details", "[{\"type\":\"x\"}]", "invalid_authorization_details", "RA_01")]
    [InlineData("resource", "https://elsewhere.example", "invalid_target", "RI_01")]
    [InlineData("resource", "mesh://account-service#x", "invalid_target", "RI_01")]
    [InlineData("dpop_jkt", "short", "invalid_request", "DP_04")]
    [InlineData("id_token_hint", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "invalid_request", "O_04")]
    [InlineData("code_challenge", "", "invalid_request", "B_10")]
    [InlineData("code_challenge_method", "", "invalid_request", "B_10")]
    [InlineData("code_challenge_method", "plain", "invalid_request", "B_10")]
    [InlineData("code_challenge_method", "s256", "invalid_request", "B_10")]
    [InlineData("code_challenge", "tooshort", "invalid_request", "B_10")]
    [InlineData("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_request", "B_10")]
    public async Task A_02_B_10_B_11_OP_B_02_OP_B_33_OP_B_34_OP_F_06_O_01_O_02_O_05_RI_01_RA_01_V_057_V_080_a_refusal_goes_to_the_client_with_state_and_iss(string name, string value, string error, string row)
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(Browser.Web((name, value)));

        Assert.True(answer.Status == 302, $"{row}: {answer.Status} {answer.Body}");
        Assert.StartsWith(Browser.WebUri, answer.Location, StringComparison.Ordinal);
        Assert.Equal(error, answer.Error);
        Assert.Equal("st", answer["state"]);
        Assert.Equal(Issuer, answer["iss"]);
        Assert.DoesNotContain("code", answer.Parameters.Keys);
        Assert.All(answer["error_description"], c => Assert.True(c is >= (char)0x20 and <= (char)0x7e and not (char)0x22 and not (char)0x5c));
    }

    [Theory]
    [InlineData("client_id=web")]
    [InlineData("redirect_uri=https%3A%2F%2Fevil.example%2F")]
    [InlineData("state=other")]
    [InlineData("response_type=token")]
    [InlineData("code_challenge=x")]
    [InlineData("%73tate=other")]
    public async Task X_03_V_061_a_parameter_that_stands_twice_is_shown_and_never_followed(string again)
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.GetAsync($"uaa/oauth/authorize?{Browser.Query(Browser.Web())}&{again}");

        Assert.Equal(400, answer.Status);
        Assert.Null(answer.Location);
    }

    [Fact]
    public async Task X_04_an_empty_parameter_is_left_out()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.GetAsync($"uaa/oauth/authorize?{Browser.Query(Browser.Web())}&nonce=&prompt=&max_age=&claims=&request=&response_mode=");

        Assert.Equal(43, answer.Code.Length);
    }

    [Theory]
    [InlineData("state=%ff")]
    [InlineData("state=%00")]
    public async Task What_cannot_be_read_is_refused(string query)
    {
        Assert.Equal(400, (await new Browser(auth).GetAsync($"uaa/oauth/authorize?{Browser.Query(Browser.Web(("state", "")))}&{query}")).Status);
    }

    [Fact]
    public async Task K_14_more_than_fifty_parameters_are_refused()
    {
        var query = string.Join('&', Enumerable.Range(0, 51).Select(n => $"p{n}=x"));

        Assert.Equal(400, (await new Browser(auth).GetAsync("uaa/oauth/authorize?" + query)).Status);
    }

    [Fact]
    public async Task OP_B_36_an_address_inside_a_request_object_is_never_used()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        // {"alg":"none"} . {"redirect_uri":"https://evil.example/","response_type":"code"}
        const string request = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8iLCJyZXNwb25zZV90eXBlIjoiY29kZSJ9.";

        var outside = await browser.AuthorizeAsync(Browser.Web(("request", request)));
        var inside = await browser.AuthorizeAsync(("client_id", "app"), ("redirect_uri", "https://evil.example/"), ("request", request));

        Assert.Equal("request_not_supported", outside.Error);
        Assert.StartsWith(Browser.WebUri, outside.Location, StringComparison.Ordinal);
        Assert.Equal(400, inside.Status);
        Assert.Null(inside.Location);
    }

    [Fact]
    public async Task V_043_JR_02_a_request_uri_is_never_fetched()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var browser = new Browser(auth);
        await browser.SignInAsync();

        var answer = await browser.AuthorizeAsync(Browser.Web(("request_uri", $"http://127.0.0.1:{port}/request.jwt")));

        Assert.Equal("request_uri_not_supported", answer.Error);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task V_081_state_with_markup_comes_back_encoded()
    {
        var browser = new Browser(auth);
        await browser.SignInAsync();
        const string state = "\"><script>alert(1)</script>&x=%0d%0aSet-Cookie: a=b";

        var query = await browser.AuthorizeAsync(Browser.Web(("state", state)));
        var form = await browser.AuthorizeAsync(Browser.Web(("state", state), ("response_mode", "form_post")));

        Assert.Equal(state, query["state"]);
        Assert.DoesNotContain('<', query.Location!);
        Assert.DoesNotContain("<script>alert", form.Body, StringComparison.Ordinal);
        Assert.Contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;x=%0d%0aSet-Cookie: a=b\"", form.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("password=x")]
    [InlineData("client_secret=x")]
    [InlineData("passcode=x")]
    public async Task X_06_credentials_do_not_stand_in_the_query(string credential)
    {
        Assert.Equal(406, (await new Browser(auth).GetAsync($"uaa/oauth/authorize?{Browser.Query(Browser.Web())}&{credential}")).Status);
    }

    [Fact]
    public async Task A_01_a_program_without_a_session_is_told_so()
    {
        var reply = await new Browser(auth).GetAsync("uaa/oauth/authorize?" + Browser.Query(Browser.Web()), "application/json");

        Assert.Equal(401, reply.Status);
        Assert.Equal("unauthorized", reply.Reply.Text("error"));
    }

    [Fact]
    public async Task A_user_who_holds_none_of_the_scopes_gets_no_code()
    {
        await auth.RegisterAsync("narrow", scopes: "scim.write");
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.Equal("invalid_scope", (await browser.AuthorizeAsync(("client_id", "narrow"), ("response_type", "code"), ("scope", "scim.write"))).Error);
    }

    [Fact]
    public async Task V_035_the_policy_for_issuing_is_asked_here_too()
    {
        await auth.RegisterAsync("foreign", metadata: new() { RequirePkce = false, AllowedProviders = ["ldap"] });
        var browser = new Browser(auth);
        await browser.SignInAsync();

        Assert.Equal("unauthorized_client", (await browser.AuthorizeAsync(("client_id", "foreign"), ("response_type", "code"), ("scope", "openid"))).Error);
    }
}
