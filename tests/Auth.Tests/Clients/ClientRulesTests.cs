namespace SecureMesh.Auth.Tests.Clients;

/// <summary>What no client may register, neither new nor by a change.</summary>
public sealed class ClientRulesTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    private const string Rsa2048 =
        "lgJuzrLSA4y5ddkwr3DidAd3OJ3vMwZNR_Pp4xK2h_zMKY7wi_QUYwZKOyLNlK13S-KfXCc7stAcA9EGWyK-Y5L9bTTA98v431xvLEAGaCVHVt6rNag0YFawzWjidofV7x7fjJst0vPYsuLSH-s190XabhJBc2SgErHLzAqQftIli3IdGISPLz_nxta8E4LFoOYQ4n9dt-By-7TI__hrVg_z_aO0wwCcX-hVcnHOpypS2NuTsD2otMPeGo4XAX98Z2rNvdNP4jES1YkDQ6YCbVFsxKc2QBG0R5POx8Oo6v5EtKB_WZ0ih-wqC9_DfUnjasmjXSNqwSQF0TdjB5Wyqw";

    [Theory]
    [InlineData("""{"client_id":"mesh:x"}""", "B_29")]
    [InlineData("""{"client_id":"MESH://account-service"}""", "B_29")]
    [InlineData("""{"client_id":"0b1c2d3e-4f50-4617-8829-9a0b1c2d3e4f"}""", "B_29")]
    [InlineData("""{"client_id":"uaa"}""", "")]
    [InlineData("""{"client_id":"openid"}""", "stands in aud")]
    [InlineData("""{"client_id":"scim"}""", "stands in aud")]
    [InlineData("""{"client_id":"password"}""", "stands in aud")]
    [InlineData("""{"client_id":"server"}""", "stands in aud")]
    [InlineData("""{"client_id":"a/b"}""", "")]
    [InlineData("""{"client_id":"a\\b"}""", "")]
    [InlineData("""{"client_id":"a b"}""", "")]
    [InlineData("""{"client_id":"ü"}""", "")]
    [InlineData("""{"authorized_grant_types":["dance"]}""", "")]
    [InlineData("""{"authorized_grant_types":["authorization_code"]}""", "no redirect_uri")]
    [InlineData("""{"authorized_grant_types":["implicit"],"redirect_uri":"https://a.example/"}""", "a secret")]
    [InlineData("""{"scope":"mesh:gateway"}""", "")]
    [InlineData("""{"scope":["a b"]}""", "")]
    [InlineData("""{"authorities":"mesh://gateway"}""", "")]
    [InlineData("""{"authorities":"scim.*"}""", "")]
    [InlineData("""{"allowpublic":true}""", "a secret")]
    [InlineData("""{"wire":"soap"}""", "")]
    [InlineData("""{"id_token_signed_response_alg":"none"}""", "")]
    [InlineData("""{"id_token_signed_response_alg":"HS256"}""", "")]
    [InlineData("""{"access_token_signed_response_alg":"none"}""", "")]
    [InlineData("""{"token_endpoint_auth_signing_alg":"HS256"}""", "")]
    [InlineData("""{"token_endpoint_auth_method":"guess"}""", "")]
    [InlineData("""{"token_endpoint_auth_method":"none"}""", "")]
    [InlineData("""{"token_endpoint_auth_method":"private_key_jwt"}""", "no keys")]
    [InlineData("""{"token_format":"xml"}""", "")]
    [InlineData("""{"application_type":"toaster"}""", "")]
    [InlineData("""{"logo_uri":"http://a.example/logo.png"}""", "OP_D_08")]
    [InlineData("""{"policy_uri":"javascript:alert(1)"}""", "OP_D_08")]
    [InlineData("""{"tos_uri":"http://a.example/"}""", "OP_D_08")]
    [InlineData("""{"client_uri":"javascript:alert(1)"}""", "V_071")]
    [InlineData("""{"signup_redirect_url":"data:text/html,x"}""", "V_071")]
    [InlineData("""{"initiate_login_uri":"http://a.example/login"}""", "OP_3P_01")]
    [InlineData("""{"jwks_uri":"http://a.example/keys"}""", "V_071")]
    [InlineData("""{"jwks_uri":"file:///etc/passwd"}""", "V_071")]
    [InlineData("""{"backchannel_logout_uri":"http://169.254.169.254/"}""", "V_071")]
    [InlineData("""{"backchannel_logout_uri":"https://a.example/#x"}""", "")]
    [InlineData("""{"post_logout_redirect_uris":["javascript:alert(1)"]}""", "V_071")]
    [InlineData("""{"allowed_cors_origins":["*"]}""", "")]
    [InlineData("""{"allowed_cors_origins":["https://a.example/"]}""", "")]
    [InlineData("""{"jwks":{"keys":[]}}""", "")]
    [InlineData("""{"jwks":{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}}""", "")]
    [InlineData("""{"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}}""", "")]
    [InlineData("""{"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}}""", "no point of the curve")]
    [InlineData("""{"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}}""", "private")]
    [InlineData("""{"jwks":{"keys":[{"kty":"RSA","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4","e":"AQAB"}]}}""", "1024 bits")]
    [InlineData("""{"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]},"jwks_uri":"https://a.example/keys"}""", "both")]
    public async Task V_071_OP_D_08_OP_3P_01_B_29_a_crafted_member_is_refused_at_the_creation_and_at_a_change(string members, string because)
    {
        var admin = await auth.AdminAsync();
        var sound = $"\"client_secret\":\"xxxxxxx\",\"authorized_grant_types\":[\"client_credentials\"],\"scope\":\"x.y\"";
        var id = "rules" + Math.Abs((members + because).GetHashCode(StringComparison.Ordinal));
        var own = System.Text.Json.JsonDocument.Parse(members).RootElement.EnumerateObject().ToArray();
        var all = sound.Split(",\"").Select((part, i) => i == 0 ? part : "\"" + part)
            .Where(part => own.All(member => !part.StartsWith($"\"{member.Name}\"", StringComparison.Ordinal)))
            .Concat(own.Select(member => $"\"{member.Name}\":{member.Value.GetRawText()}"));
        if (own.All(member => member.Name != "client_id")) all = all.Append($"\"client_id\":\"{id}\"");

        var made = await auth.CallAsync("POST", "uaa/oauth/clients", admin, "{" + string.Join(',', all) + "}");
        Assert.Equal((400, "invalid_client"), (made.Status, made.Text("error")));

        if (own[0].Name == "client_id") return;
        Assert.Equal(201, (await auth.CallAsync("POST", "uaa/oauth/clients", admin, $$"""{"client_id":"{{id}}",{{sound}}}""")).Status);
        var before = (await auth.GetAsync($"uaa/oauth/clients/{id}", admin)).Body;
        var changed = await auth.CallAsync("PUT", $"uaa/oauth/clients/{id}", admin, members);
        Assert.Equal((400, "invalid_client"), (changed.Status, changed.Text("error")));
        Assert.Equal(before, (await auth.GetAsync($"uaa/oauth/clients/{id}", admin)).Body);
    }

    [Theory]
    [InlineData("https://*.example/cb")]
    [InlineData("https://a.example/*")]
    [InlineData("https://a.example/**")]
    [InlineData("http://localhost:*/cb")]
    [InlineData("*")]
    [InlineData("https://a.example/cb#frag")]
    [InlineData("https://a.example/cb#")]
    [InlineData("https://user@a.example/cb")]
    [InlineData("https://a@b@c.example/cb")]
    [InlineData("https://@a.example/cb")]
    [InlineData("https://a.example/x/../cb")]
    [InlineData("https://a.example/x/%2e%2e/cb")]
    [InlineData("https://a.example/x%2Fcb")]
    [InlineData("https://a.example\\@evil.example/")]
    [InlineData("https://a.example/cb?code=x")]
    [InlineData("https://a.example/cb?x=1&state=y")]
    [InlineData("https://a.example/cb?%63ode=x")]
    [InlineData("https://a.example/cb?iss=https://evil.example")]
    [InlineData("https://a.example/cb?error=x")]
    [InlineData("javascript:alert(1)")]
    [InlineData("JavaScript:alert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("vbscript:x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("/cb")]
    [InlineData("//a.example/cb")]
    [InlineData("https:///cb")]
    [InlineData("https:a.example/cb")]
    [InlineData("https://A.example/cb")]
    [InlineData("https://a.example:/cb")]
    [InlineData("https://a.example/%zz")]
    [InlineData("https://a.example/ü")]
    [InlineData("https://a.example/\t")]
    [InlineData("app:/cb")]
    [InlineData("com.example.app:/cb")]
    [InlineData("urn:ietf:wg:oauth:2.0:oob")]
    public async Task OP_D_07_V_019_V_060_V_061_V_081_a_redirect_uri_that_can_be_read_in_two_ways_is_refused(string uri)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(uri);
        var reply = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"redirects","client_secret":"xxxxxxx","authorized_grant_types":["authorization_code"],"redirect_uri":[{{json}}]}
            """);

        Assert.Equal((400, "invalid_client"), (reply.Status, reply.Text("error")));
        Assert.Equal(400, (await auth.CallAsync("PUT", "uaa/oauth/clients/web", await auth.AdminAsync(), $$"""{"redirect_uri":[{{json}}]}""")).Status);
    }

    [Fact]
    public async Task B_18_a_private_scheme_is_for_native_clients_and_names_a_reversed_domain()
    {
        async Task<int> Make(string id, string uri) => (await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), $$"""
            {"client_id":"{{id}}","allowpublic":true,"application_type":"native","authorized_grant_types":["authorization_code"],"redirect_uri":["{{uri}}"]}
            """)).Status;

        Assert.Equal(400, await Make("phone", "myapp:/cb"));
        Assert.Equal(400, await Make("phone", "javascript:alert(1)"));
        Assert.Equal(400, await Make("phone", "com.example.app:alert(1)"));
        Assert.Equal(400, await Make("phone", "com.example.app:/cb?code=1"));
        Assert.Equal(201, await Make("phone", "com.example.app:/cb"));
        Assert.Equal(201, await Make("phone2", "http://127.0.0.1/cb"));
    }

    [Fact]
    public async Task Outside_the_demo_a_redirect_is_https_or_goes_to_this_machine()
    {
        await using var own = await DemoAuth.StartAsync();
        // The data of the demo, as if it were production's: the rule reads the setting.
        var rules = own.Services;
        Assert.NotNull(rules);
        Assert.Equal("must be https; http is for loopback addresses alone", Fault("http://a.example/cb"));
        Assert.Equal("must be https; http is for loopback addresses alone", Fault("http://localhost.evil.example/cb"));
        Assert.Equal("must be https; http is for loopback addresses alone", Fault("http://127.0.0.1.evil.example/cb"));
        Assert.Null(Fault("http://127.0.0.1:8080/cb"));
        Assert.Null(Fault("http://[::1]/cb"));
        Assert.Null(Fault("https://a.example:8443/cb?tenant=1"));

        static string? Fault(string uri) => SecureMesh.Auth.Clients.Administration.RegisteredUris.RedirectFault(uri, native: false, anyHttp: false);
    }

    [Fact]
    public async Task Further_members_of_openid_connect_are_kept_and_given_back_as_they_came()
    {
        var admin = await auth.AdminAsync();
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", admin, $$$"""
            {"client_id":"openid-rp","client_secret":"xxxxxxx","authorized_grant_types":["authorization_code"],"redirect_uri":["https://rp.example/cb"],"scope":"openid",
             "post_logout_redirect_uris":["https://rp.example/bye"],"backchannel_logout_uri":"https://rp.example/logout","backchannel_logout_session_required":true,
             "require_pkce":true,"dpop_bound_access_tokens":true,"id_token_signed_response_alg":"ES256","logo_uri":"https://rp.example/logo.png",
             "initiate_login_uri":"https://rp.example/login","wire":"rfc","jwks":{"keys":[{"kty":"RSA","kid":"k1","use":"sig","alg":"RS256","e":"AQAB","n":"{{{Rsa2048}}}"}]}}
            """);
        Assert.True(made.Status == 201, made.Body);
        foreach (var (name, value) in new[]
        {
            ("post_logout_redirect_uris", "[\"https://rp.example/bye\"]"), ("backchannel_logout_uri", "\"https://rp.example/logout\""), ("require_pkce", "true"),
            ("dpop_bound_access_tokens", "true"), ("id_token_signed_response_alg", "\"ES256\""), ("initiate_login_uri", "\"https://rp.example/login\""), ("wire", "\"rfc\""),
        })
            Assert.Equal(value, made.Json.GetProperty(name).GetRawText());
        Assert.Equal("k1", made.Json.GetProperty("jwks").GetProperty("keys")[0].GetProperty("kid").GetString());
    }
}
