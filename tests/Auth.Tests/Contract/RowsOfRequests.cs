using System.Net;
using System.Text;
using System.Text.Json;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Tests.Authorize;
using SecureMesh.Auth.Tests.Clients;
using SecureMesh.Auth.Tests.Token;
using Agent = SecureMesh.Auth.Tests.Authorize.Browser;

namespace SecureMesh.Auth.Tests.Contract;

/// <summary>What may be asked for, by whom, and how the whole of a demanding profile goes.</summary>
public sealed class RowsOfRequests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task B_15_the_password_grant_is_for_clients_that_are_registered_for_it_and_never_for_one_without_any_secret()
    {
        await Given.ClientAsync(auth, "modern", "authorization_code refresh_token", "openid");
        (string, string)[] form = [("grant_type", "password"), ("username", "demo"), ("password", "demo")];

        var unregistered = await auth.TokenAsync("modern:modern-secret", form);
        var nameless = await auth.PostAsync("uaa/oauth/token", null, [.. form, ("client_id", "mesh-cli")]);
        var made = await auth.CallAsync("POST", "uaa/oauth/clients", await auth.AdminAsync(), """
            {"client_id":"spa15","allowpublic":true,"authorized_grant_types":["password"],"scope":["openid"]}
            """);

        Assert.Equal((401, "invalid_client"), (unregistered.Status, unregistered.Text("error")));
        Assert.Equal(401, nameless.Status);
        Assert.Equal((400, "Client secret is required for grant type password"), (made.Status, made.Text("error_description")));
    }

    [Fact]
    public async Task B_26_nobody_registers_a_client_by_himself_so_answers_go_to_addresses_that_an_administrator_entered()
    {
        foreach (var path in new[] { "uaa/oauth/register", "uaa/connect/register", "uaa/oauth/clients" })
        {
            var reply = await auth.CallAsync("POST", path, null, """{"client_id":"self","redirect_uris":["https://evil.example/cb"],"redirect_uri":["https://evil.example/cb"]}""");
            Assert.True(reply.Status is 401 or 404, $"{path}: {reply.Status}");
        }
        Assert.False((await auth.GetAsync("uaa/.well-known/openid-configuration")).Json.TryGetProperty("registration_endpoint", out _));

        // Without prompt=none a person signs in before anything goes anywhere, and an unknown address is never gone to.
        Assert.StartsWith("/uaa/login?transaction=", (await new Agent(auth).AuthorizeAsync(Agent.App())).Location, StringComparison.Ordinal);
        var foreign = await new Agent(auth).AuthorizeAsync(Agent.App(("redirect_uri", "https://evil.example/cb"), ("scope", "no.such")));
        Assert.Equal(400, foreign.Status);
        Assert.Null(foreign.Location);
    }

    [Fact]
    public async Task F2_02_the_whole_flow_of_the_profile()
    {
        using var key = new SigningClient();
        await auth.RegisterAsync("bank", scopes: "openid profile", redirects: ["https://bank.example/cb"], metadata: new ClientMetadata
        {
            Profile = "fapi2",
            TokenEndpointAuthMethod = "private_key_jwt",
            Jwks = JsonSerializer.SerializeToElement(new { keys = new[] { key.Jwk } }),
            RequirePushedAuthorizationRequests = true,
            DpopBoundAccessTokens = true,
        });
        var browser = new Agent(auth);
        await browser.SignInAsync();

        // 1. Pushed, with a proof of the key: 201 with request_uri and expires_in.
        var pushed = await ProvedAsync(key, HttpMethod.Post, "uaa/oauth/par", null,
            ("response_type", "code"), ("redirect_uri", "https://bank.example/cb"), ("scope", "openid"), ("state", "st"), ("code_challenge", Agent.Challenge), ("code_challenge_method", "S256"));
        Assert.Equal(201, pushed.Status);
        Assert.True(pushed.Json.GetProperty("expires_in").GetInt32() is >= 5 and < 600);
        // 2. iss stands in the answer.
        var answer = await browser.AuthorizeAsync(("client_id", "bank"), ("request_uri", pushed.Text("request_uri")));
        Assert.Equal("http://localhost:8080/uaa/oauth/token", answer["iss"]);
        // 3. The token is bound to the key.
        var tokens = await ProvedAsync(key, HttpMethod.Post, "uaa/oauth/token", null,
            ("grant_type", "authorization_code"), ("code", answer.Code), ("redirect_uri", "https://bank.example/cb"), ("code_verifier", Agent.Verifier));
        Assert.Equal(("DPoP", key.Thumbprint), (tokens.Text("token_type"), tokens.Claims.GetProperty("cnf").GetProperty("jkt").GetString()));
        // 4. The resource takes it with a proof, in the header alone, and says what time it is.
        using (var asked = Proof(key, HttpMethod.Get, "uaa/userinfo", tokens.AccessToken))
        {
            using var response = await auth.Http.SendAsync(asked, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.NotNull(response.Headers.Date);
        }
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo?access_token=" + tokens.AccessToken)).Status);
        // 5. At least one key of 2048 bits RSA or a suitable curve.
        Assert.Contains((await auth.GetAsync("uaa/token_keys")).Json.GetProperty("keys").EnumerateArray(), published => published.GetProperty("kty").GetString() == "EC" && published.GetProperty("crv").GetString() == "P-256");
    }

    [Fact]
    public async Task F2_45_JR_01_signed_requests_are_not_offered_so_none_is_read_whatever_it_says()
    {
        using var key = new SigningClient();
        var request = key.Sign(
            new() { ["alg"] = "ES256", ["kid"] = key.Kid, ["typ"] = "oauth-authz-req+jwt" },
            new() { ["iss"] = "web", ["aud"] = "http://localhost:8080/uaa/oauth/token", ["client_id"] = "web", ["redirect_uri"] = "https://evil.example/", ["response_type"] = "code" });

        foreach (var sent in new[] { request, "eyJhbGciOiJub25lIn0.e30.", "x" })
        {
            var front = await new Agent(auth).AuthorizeAsync(Agent.Web(("request", sent)));
            var pushed = await auth.PostAsync("uaa/oauth/par", "web:web-secret", Agent.Web(("request", sent)));
            Assert.Equal("request_not_supported", front.Error);
            Assert.StartsWith(Agent.WebUri, front.Location, StringComparison.Ordinal);
            Assert.Equal((400, "request_not_supported"), (pushed.Status, pushed.Text("error")));
        }
        Assert.False((await auth.GetAsync("uaa/.well-known/openid-configuration")).Json.GetProperty("request_parameter_supported").GetBoolean());
    }

    [Fact]
    public async Task JA_03_what_a_caller_adds_stands_below_a_name_of_its_own_and_replaces_no_claim()
    {
        const string added = """{"az_attr":{"iss":"https://evil.example","sub":"admin","aud":["x"],"exp":4102444800,"scope":["uaa.admin"],"client_id":"admin","jti":"1","zid":"other"}}""";

        var plain = (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"))).Claims;
        var claims = (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("authorities", added))).Claims;

        foreach (var name in new[] { "iss", "sub", "aud", "scope", "client_id", "zid", "authorities" }) Assert.Equal(plain.GetProperty(name).GetRawText(), claims.GetProperty(name).GetRawText());
        Assert.Equal("admin", claims.GetProperty("az_attr").GetProperty("sub").GetString());
        Assert.Equal(claims.EnumerateObject().Count(), claims.EnumerateObject().Select(member => member.Name).Distinct().Count());
        // Of a person no more than who it is: no name, no number, no address.
        await auth.RegisterAsync("told", "password", "openid profile email phone address");
        var person = (await auth.SignInAsync(scope: "openid profile email phone address", client: "told:secret")).Claims;
        foreach (var name in new[] { "given_name", "family_name", "name", "phone_number", "address" }) Assert.False(person.TryGetProperty(name, out _), name);
    }

    [Fact]
    public async Task V_125_what_node_oidc_provider_does_well_holds_here_too()
    {
        var browser = new Agent(auth);
        await browser.SignInAsync();

        // 303 after a form; one size of random values, 256 bits; one value for each parameter.
        var answer = await browser.PostAsync("uaa/oauth/authorize", crossSite: false, Agent.Web());
        var pushed = await auth.PostAsync("uaa/oauth/par", "web:web-secret", Agent.Web());
        var twice = await browser.GetAsync("uaa/oauth/authorize?" + Agent.Query([.. Agent.Web(), ("state", "other")]));
        var opaque = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("token_format", "opaque"));

        Assert.Equal(303, answer.Status);
        Assert.Equal(43, (await browser.GetAsync(answer.Location![1..])).Code.Length);
        Assert.Equal(43, pushed.Text("request_uri").Split(':')[^1].Length);
        Assert.Matches("[A-Za-z0-9_-]{43}$", opaque.AccessToken);
        Assert.Equal(400, twice.Status);
        Assert.Null(twice.Location);
    }

    private async Task<Reply> ProvedAsync(SigningClient key, HttpMethod method, string path, string? token, params (string, string)[] form)
    {
        using var request = Proof(key, method, path, token);
        var now = auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        var assertion = key.Sign(new() { ["alg"] = "ES256", ["kid"] = key.Kid }, new()
        {
            ["iss"] = "bank",
            ["sub"] = "bank",
            ["aud"] = "http://localhost:8080/uaa/oauth/token",
            ["iat"] = now,
            ["exp"] = now + 60,
            ["jti"] = Guid.CreateVersion7().ToString(),
        });
        (string, string)[] all = [.. form, ("client_id", "bank"), ("client_assertion", assertion), ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")];
        request.Content = new FormUrlEncodedContent(all.Select(pair => KeyValuePair.Create(pair.Item1, pair.Item2)));
        return await auth.SendAsync(request);
    }

    private HttpRequestMessage Proof(SigningClient key, HttpMethod method, string path, string? token)
    {
        var claims = new Dictionary<string, object>
        {
            ["htm"] = method.Method,
            ["htu"] = "http://localhost:8080/" + path,
            ["iat"] = auth.Clock.GetUtcNow().ToUnixTimeSeconds(),
            ["jti"] = Guid.CreateVersion7().ToString(),
        };
        if (token is not null) claims["ath"] = System.Buffers.Text.Base64Url.EncodeToString(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(token)));
        var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("DPoP", key.Sign(new() { ["alg"] = "ES256", ["typ"] = "dpop+jwt", ["jwk"] = key.Bare }, claims));
        if (token is not null) request.Headers.TryAddWithoutValidation("Authorization", "DPoP " + token);
        return request;
    }
}
