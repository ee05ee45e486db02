using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Tests.Token;

namespace SecureMesh.Auth.Tests.Passports;

/// <summary>No passport is good for anything at auth: neither a genuine one nor any that somebody could make (V-124).</summary>
public sealed class PassportRefusalTests : IAsyncLifetime
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    private readonly GatewayKey _key = new();
    private DemoAuth _auth = null!;
    private Dictionary<string, string> _passports = null!;
    private string _token = "";

    public async ValueTask InitializeAsync()
    {
        _auth = await DemoAuth.StartAsync();
        Assert.Equal(200, (await _key.AnnounceAsync(_auth, await GatewayKey.AnnouncerAsync(_auth))).Status);
        _token = (await _auth.SignInAsync("admin", "admin", "ui openid", "browser:")).AccessToken;
        var admin = await _auth.AdminAsync();
        // Of the user and of the administrator's client: what their tokens say, as a gateway would write it, or as the issuer never would.
        _passports = new Dictionary<string, string>
        {
            ["genuine, of a person"] = _key.Sign("passport+jwt", Passport(_token)),
            ["genuine, of an administrator"] = _key.Sign("passport+jwt", Passport(admin)),
            ["claims of an access token"] = _key.Sign("passport+jwt", Claims(admin)),
            ["an access token by a gateway"] = _key.Sign("at+jwt", Claims(admin)),
            ["an id token by a gateway"] = _key.Sign("JWT", Claims(admin)),
            ["signed by the issuer itself"] = Given.Signed(_auth, "passport+jwt", Jwt.Payload(admin).GetRawText()),
            ["signed by the issuer itself, of a person"] = Given.Signed(_auth, "passport+jwt", Jwt.Payload(_token).GetRawText()),
        };
        // The very same claims open doors in an access token.
        Assert.Equal(200, (await _auth.GetAsync("uaa/users/current", Given.Signed(_auth, "at+jwt", Jwt.Payload(_token).GetRawText()))).Status);
        Assert.Equal(200, (await _auth.GetAsync("uaa/oauth/clients", Given.Signed(_auth, "at+jwt", Jwt.Payload(admin).GetRawText()))).Status);
    }

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await _auth.DisposeAsync();
    }

    private static Dictionary<string, object> Claims(string token) => JsonSerializer.Deserialize<Dictionary<string, object>>(Jwt.Payload(token).GetRawText())!;

    private Dictionary<string, object> Passport(string token)
    {
        var now = _auth.Clock.GetUtcNow().ToUnixTimeSeconds();
        return new(Claims(token)) { ["iss"] = "http://localhost:8080", ["aud"] = "mesh://auth-service", ["iat"] = now, ["exp"] = now + 55, ["mode"] = "token", ["credential"] = "jwt" };
    }

    [Fact]
    public async Task V_124_a_passport_as_bearer_token_opens_no_endpoint_that_there_is()
    {
        var routes = _auth.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.TrimStart('/')).Distinct().Order(StringComparer.Ordinal).ToArray();
        var guarded = 0;
        foreach (var route in routes)
        {
            var path = System.Text.RegularExpressions.Regex.Replace(route, @"\{[^}]*\}", "x").TrimStart('/');
            foreach (var method in Methods)
            {
                // What is public is as public as it is for whoever shows nonsense, and no more.
                var expected = await _auth.CallAsync(method, path, "x.y.z", "{}");
                if (expected.Status == 401 && expected.Body.Contains("invalid_token", StringComparison.Ordinal)) guarded++;
                foreach (var (kind, passport) in _passports)
                {
                    var answer = await _auth.CallAsync(method, path, passport, "{}");
                    Assert.True(answer.Status == expected.Status, $"{method} {path}, {kind}: {answer.Status}, not {expected.Status}: {answer.Body}");
                    if (answer.Status == 401) Assert.Equal((expected.Body, expected.Challenge), (answer.Body, answer.Challenge));
                }
            }
        }
        Assert.InRange(guarded, 30, 500); // the walk went where tokens are asked for
    }

    [Fact]
    public async Task V_124_a_passport_in_place_of_userinfos_form_token_is_refused() => await EachAsync(async passport =>
        Assert.Equal((401, "invalid_token"), Told(await _auth.PostAsync("uaa/userinfo", null, ("access_token", passport)))));

    [Fact]
    public async Task V_124_introspection_says_that_a_passport_is_not_active() => await EachAsync(async passport =>
    {
        Assert.Equal("""{"active":false}""", (await _auth.PostAsync("uaa/introspect", "account-service:account-secret", ("token", passport))).Body);
        var check = await _auth.PostAsync("uaa/check_token", "account-service:account-secret", ("token", passport));
        Assert.Equal((400, "invalid_token"), (check.Status, check.Text("error")));
    });

    [Theory]
    [InlineData("urn:ietf:params:oauth:token-type:access_token")]
    [InlineData("urn:ietf:params:oauth:token-type:jwt")]
    [InlineData("urn:ietf:params:oauth:token-type:id_token")]
    [InlineData("urn:ietf:params:oauth:token-type:refresh_token")]
    public async Task V_124_a_passport_is_neither_subject_nor_actor_of_an_exchange(string type)
    {
        await Given.ClientAsync(_auth, "broker", "client_credentials " + Given.Exchange, "ui openid", "server");
        (string, string)[] good = [("grant_type", Given.Exchange), ("subject_token", _token), ("subject_token_type", Given.AccessTokenType)];
        Assert.Equal(200, (await _auth.TokenAsync("broker:broker-secret", good)).Status);
        await EachAsync(async passport =>
        {
            var subject = await _auth.TokenAsync("broker:broker-secret", ("grant_type", Given.Exchange), ("subject_token", passport), ("subject_token_type", type));
            var actor = await _auth.TokenAsync("broker:broker-secret", [.. good, ("actor_token", passport), ("actor_token_type", type)]);

            Assert.Equal((400, "invalid_request"), (subject.Status, subject.Text("error")));
            Assert.Equal((400, "invalid_request"), (actor.Status, actor.Text("error")));
        });
    }

    [Fact]
    public async Task V_124_a_passport_is_no_assertion_no_client_secret_no_refresh_token_and_no_code()
    {
        await Given.ClientAsync(_auth, "many", $"client_credentials refresh_token authorization_code user_token {Given.JwtBearer} {Given.Device}", "ui openid");
        await EachAsync(async passport =>
        {
            (string, string)[][] forms =
            [
                [("grant_type", Given.JwtBearer), ("assertion", passport)],
                [("grant_type", "refresh_token"), ("refresh_token", passport)],
                [("grant_type", "authorization_code"), ("code", passport), ("redirect_uri", "http://localhost:8080/app/")],
                [("grant_type", Given.Device), ("device_code", passport)],
                [("grant_type", "user_token"), ("client_id", "many"), ("token", passport)],
            ];
            foreach (var form in forms) Assert.InRange((await _auth.TokenAsync("many:many-secret", form)).Status, 400, 401);
            (string, string)[] assertion = [("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), ("client_assertion", passport)];
            foreach (var path in new[] { "uaa/oauth/token", "uaa/introspect", "uaa/oauth/revoke", "uaa/oauth/par", "uaa/oauth/device_authorization" })
                Assert.Equal((401, "invalid_client"), Told(await _auth.PostAsync(path, null, [("grant_type", "client_credentials"), ("token", _token), .. assertion])));
            Assert.Equal(401, (await _auth.TokenAsync("many:" + passport, ("grant_type", "client_credentials"))).Status);
        });
    }

    [Fact]
    public async Task V_124_revoking_a_passport_ends_nothing()
    {
        await EachAsync(async passport => Assert.Equal(200, (await _auth.PostAsync("uaa/oauth/revoke", "browser:", ("token", passport))).Status));

        Assert.Equal(200, (await _auth.GetAsync("uaa/users/current", _token)).Status);
        Assert.Equal(200, (await _auth.GetAsync("uaa/oauth/clients", await _auth.AdminAsync())).Status);
    }

    [Fact]
    public async Task V_124_a_passport_is_no_hint_of_who_signs_in_or_out() => await EachAsync(async passport =>
    {
        var hinted = await _auth.GetAsync($"uaa/oauth/authorize?response_type=code&client_id=app&prompt=none&redirect_uri=http://localhost:8080/app/&scope=openid&id_token_hint={passport}");
        var garbage = await _auth.GetAsync("uaa/oauth/authorize?response_type=code&client_id=app&prompt=none&redirect_uri=http://localhost:8080/app/&scope=openid&id_token_hint=x.y.z");
        Assert.Equal((garbage.Status, garbage.Headers.Location?.OriginalString), (hinted.Status, hinted.Headers.Location?.OriginalString));
        var logout = await _auth.GetAsync($"uaa/logout.do?id_token_hint={passport}&post_logout_redirect_uri=http://localhost:8080/app/");
        var nonsense = await _auth.GetAsync("uaa/logout.do?id_token_hint=x.y.z&post_logout_redirect_uri=http://localhost:8080/app/");
        Assert.Equal((nonsense.Status, nonsense.Headers.Location?.OriginalString), (logout.Status, logout.Headers.Location?.OriginalString));
    });

    [Fact]
    public async Task V_124_a_passport_is_no_proof_of_possession() => await EachAsync(async passport =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/users/current");
        request.Headers.TryAddWithoutValidation("Authorization", "DPoP " + passport);
        request.Headers.TryAddWithoutValidation("DPoP", passport);
        Assert.Equal(401, (await _auth.SendAsync(request)).Status);
    });

    private static (int, string) Told(Reply refused) => (refused.Status, refused.Text("error"));

    private async Task EachAsync(Func<string, Task> check)
    {
        foreach (var passport in _passports.Values) await check(passport);
    }
}
