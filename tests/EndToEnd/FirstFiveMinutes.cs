using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>One mesh for all tests that leave it as it was.</summary>
public sealed class DemoMesh : IAsyncLifetime
{
    internal RunningMesh Mesh { get; } = new("--instances", "account=2");

    public async ValueTask InitializeAsync() => await Mesh.StartAsync();

    public async ValueTask DisposeAsync() => await Mesh.DisposeAsync();
}

[CollectionDefinition(nameof(DemoMesh))]
public sealed class DemoMeshTests : ICollectionFixture<DemoMesh>;

[Collection(nameof(DemoMesh))]
public sealed class FirstFiveMinutes(DemoMesh demo)
{
    private readonly RunningMesh _mesh = demo.Mesh;

    [Fact]
    public async Task Demo_signs_in_through_the_gateway_with_the_empty_secret_client()
    {
        var answer = (await _mesh.SignInAsync("demo", "demo")).Expect(200);

        Assert.Equal("bearer", answer.Text("token_type"));
        Assert.Equal("ui", answer.Text("scope"));
        Assert.NotEmpty(answer.Text("refresh_token"));
        Assert.InRange(answer.Json.GetProperty("expires_in").GetInt32(), 1, 600);
        Assert.Equal("no-store", answer.Header("Cache-Control"));
    }

    [Fact]
    public async Task A_signed_in_user_reads_and_changes_the_own_account()
    {
        var token = await _mesh.UserTokenAsync();
        const string change = """
            {"note":"changed","unknown":1,
             "incomes":[{"title":"Salary","amount":"42000.50","currency":"USD","period":"YEAR","icon":"wallet","income_id":7}],
             "expenses":[],"saving":{"amount":"3.32","currency":"EUR","interest":1.10,"deposit":false,"capitalization":true}}
            """;

        var put = await _mesh.JsonAsync(HttpMethod.Put, "/accounts/current", change, token);
        var account = (await _mesh.GetAsync("/accounts/current", token)).Expect(200);

        Assert.Equal((200, ""), (put.Status, put.Body));
        Assert.Equal("demo", account.Text("name"));
        Assert.Equal("changed", account.Text("note"));
        Assert.Contains("3.32", account.Body, StringComparison.Ordinal);
        Assert.Contains("42000.50", account.Body, StringComparison.Ordinal);
        Assert.Contains("1.10", account.Body, StringComparison.Ordinal);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$", account.Text("lastSeen"));
    }

    [Fact]
    public async Task Without_a_token_the_account_is_401_with_a_challenge_and_a_trace_id()
    {
        var answer = await _mesh.GetAsync("/accounts/current");

        Assert.Equal(401, answer.Status);
        Assert.Equal("application/problem+json", answer.MediaType);
        Assert.StartsWith("Bearer ", answer.Header("WWW-Authenticate"), StringComparison.Ordinal);
        Assert.Equal("unauthorized", answer.Text("error"));
        Assert.Matches("^[0-9a-f]{32}$", answer.Text("traceId"));
        Assert.Equal(answer.Text("traceId"), answer.Header("X-Trace-Id"));
    }

    [Fact]
    public async Task A_forged_an_unsigned_and_an_altered_token_are_401()
    {
        var good = await _mesh.UserTokenAsync();
        var parts = good.Split('.');
        var claims = Base64UrlEncoder.Decode(parts[1]);
        var admin = Base64UrlEncoder.Encode(claims.Replace("\"ui\"", "\"server\"", StringComparison.Ordinal));
        var kid = JsonDocument.Parse(Base64UrlEncoder.Decode(parts[0])).RootElement.GetProperty("kid").GetString()!;
        var stranger = new SigningKey();
        var own = JsonSerializer.Deserialize<Dictionary<string, object>>(claims)!;
        string[] forgeries =
        [
            $"{parts[0]}.{admin}.{parts[2]}",
            $"{Base64UrlEncoder.Encode("""{"alg":"none","typ":"at+jwt"}""")}.{parts[1]}.",
            TestIssuer.Sign(stranger, own),
            TestIssuer.Sign(stranger, own, header: new() { ["kid"] = kid }),
            TestIssuer.Sign(stranger, own, header: new() { ["jwk"] = stranger.Public }),
            good + "x",
            "not-a-token",
        ];

        foreach (var forgery in forgeries)
        {
            var answer = await _mesh.GetAsync("/accounts/current", forgery);
            Assert.Equal(401, answer.Status);
            Assert.Equal("invalid_token", answer.Text("error"));
            Assert.DoesNotContain(forgery, answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Too_little_scope_is_403_at_the_gateway_and_at_the_service()
    {
        var openid = await _mesh.UserTokenAsync(scope: "openid");
        var ui = await _mesh.UserTokenAsync();
        await _mesh.JsonAsync(HttpMethod.Post, "/accounts/", """{"username":"stranger1","password":"secret1"}""");

        var atGateway = await _mesh.GetAsync("/accounts/current", openid);
        var atService = await _mesh.GetAsync("/accounts/stranger1", ui);

        Assert.Equal((403, "insufficient_scope"), (atGateway.Status, atGateway.Text("error")));
        Assert.Equal((403, "access_denied"), (atService.Status, atService.Text("error")));
    }

    [Fact]
    public async Task The_demo_account_is_open_and_any_account_opens_to_a_server_token()
    {
        var server = await _mesh.ServerTokenAsync();

        Assert.Equal(200, (await _mesh.GetAsync("/accounts/demo")).Status);
        Assert.Equal("demo", (await _mesh.GetAsync("/accounts/demo", server)).Expect(200).Text("name"));
        Assert.Equal(404, (await _mesh.GetAsync("/accounts/nobody", server)).Status);
    }

    [Fact]
    public async Task A_person_registers_signs_in_and_has_an_account()
    {
        const string registration = """{"username":"alice1","password":"secret1"}""";

        var created = (await _mesh.JsonAsync(HttpMethod.Post, "/accounts/", registration)).Expect(200);
        var again = await _mesh.JsonAsync(HttpMethod.Post, "/accounts/", registration);
        var tooShort = await _mesh.JsonAsync(HttpMethod.Post, "/accounts/", """{"username":"al","password":"tiny!"}""");
        var account = (await _mesh.GetAsync("/accounts/current", await _mesh.UserTokenAsync("alice1", "secret1"))).Expect(200);

        Assert.Equal("alice1", created.Text("name"));
        Assert.Equal(0, created.Json.GetProperty("saving").GetProperty("amount").GetDecimal());
        Assert.Equal((400, ""), (again.Status, again.Body));
        Assert.Equal(400, tooShort.Status);
        Assert.DoesNotContain("tiny!", tooShort.Body, StringComparison.Ordinal);
        Assert.Equal("alice1", account.Text("name"));
    }

    [Fact]
    public async Task A_wrong_password_is_401_and_says_no_more_than_that()
    {
        var wrong = await _mesh.SignInAsync("demo", "wrong");
        var unknown = await _mesh.SignInAsync("nobody-here", "wrong");

        Assert.Equal(401, wrong.Status);
        Assert.Equal(wrong.Body, unknown.Body);
        Assert.Equal("application/json", wrong.MediaType);
    }

    [Fact]
    public async Task A_refresh_token_is_rotated_and_works_once()
    {
        var first = (await _mesh.SignInAsync("demo", "demo")).Expect(200).Text("refresh_token");

        var second = (await _mesh.TokenAsync("browser", "", ("grant_type", "refresh_token"), ("refresh_token", first))).Expect(200).Text("refresh_token");
        (await _mesh.TokenAsync("browser", "", ("grant_type", "refresh_token"), ("refresh_token", second))).Expect(200);
        var replay = await _mesh.TokenAsync("browser", "", ("grant_type", "refresh_token"), ("refresh_token", first));

        Assert.NotEqual(first, second);
        Assert.Equal((401, "invalid_token"), (replay.Status, replay.Text("error")));
    }

    [Fact]
    public async Task V_090_a_token_made_for_one_service_is_refused_at_every_other()
    {
        var services = new Dictionary<string, (string Address, int Status)>
        {
            ["gateway"] = (_mesh.Url + "accounts/demo1", 404),
            ["auth-service"] = ($"http://127.0.0.1:{_mesh.AuthPort}/uaa/users/current", 200),
            ["account-service"] = ($"http://127.0.0.1:{_mesh.AccountPort}/accounts/demo1", 404),
            ["config"] = ($"http://127.0.0.1:{_mesh.ConfigPort}/account-service/default", 200),
            ["registry"] = ($"http://127.0.0.1:{_mesh.RegistryPort}/eureka/apps", 200),
        };
        foreach (var (made, _) in services)
        {
            var token = await _mesh.ServerTokenAsync(("resource", "mesh://" + made));
            foreach (var (shown, (address, status)) in services)
            {
                // What is for the gateway is for auth as well: its endpoints are called through the gateway with nothing else.
                var good = made == shown || (made, shown) == ("gateway", "auth-service");
                var answer = await _mesh.GetAsync(address, token);
                Assert.True(answer.Status == (good ? status : 401), $"made for {made}, shown at {shown}: {answer.Status}");
            }
        }
    }

    [Fact]
    public async Task The_token_service_answers_its_own_questions_through_the_gateway()
    {
        var token = await _mesh.UserTokenAsync(scope: "openid ui");
        var check = new FormUrlEncodedContent([KeyValuePair.Create("token", token)]);
        var basic = "Basic " + Convert.ToBase64String(Encoding.ASCII.GetBytes("account-service:account-secret"));

        var discovery = (await _mesh.GetAsync("/uaa/.well-known/openid-configuration")).Expect(200);
        var checkedToken = (await _mesh.SendAsync(HttpMethod.Post, "/uaa/check_token", null, check, ("Authorization", basic))).Expect(200);
        var info = (await _mesh.GetAsync("/uaa/userinfo", token)).Expect(200);
        var current = (await _mesh.GetAsync("/uaa/users/current", token)).Expect(200);

        Assert.Equal($"{_mesh.Url.OriginalString}/uaa/oauth/token", discovery.Text("issuer"));
        Assert.Equal(discovery.Body, (await _mesh.GetAsync("/.well-known/oauth-authorization-server/uaa/oauth/token")).Expect(200).Body);
        Assert.Equal("demo", checkedToken.Text("user_name"));
        Assert.Equal("demo@example.com", info.Text("email"));
        Assert.Equal("demo", current.Text("name"));
        Assert.DoesNotContain("\"password\":", current.Body, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(token, current.Body, StringComparison.Ordinal);
        Assert.Equal(200, (await _mesh.GetAsync("/uaa/token_keys")).Status);
        Assert.Equal(200, (await _mesh.GetAsync("/healthz")).Status);
    }

    [Fact]
    public async Task A_path_without_a_route_is_404_with_a_trace_id()
    {
        var answer = await _mesh.GetAsync("/nowhere", await _mesh.UserTokenAsync());

        Assert.Equal(404, answer.Status);
        Assert.Matches("^[0-9a-f]{32}$", answer.Text("traceId"));
    }
}
