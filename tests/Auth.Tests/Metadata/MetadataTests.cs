using System.Text.Json;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Metadata;

public sealed class MetadataTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task M_01_one_document_at_three_addresses()
    {
        var document = await auth.GetAsync("uaa/.well-known/openid-configuration");

        Assert.Equal(200, document.Status);
        Assert.Equal("http://localhost:8080/uaa/oauth/token", document.Text("issuer"));
        Assert.Equal("public, max-age=300", document.Headers.CacheControl!.ToString());
        Assert.Equal(document.Body, (await auth.GetAsync("uaa/oauth/token/.well-known/openid-configuration")).Body);
        Assert.Equal(document.Body, (await auth.GetAsync(".well-known/oauth-authorization-server/uaa/oauth/token")).Body);
    }

    [Fact]
    public async Task M_03_every_advertised_endpoint_answers_and_nothing_else_is_advertised()
    {
        var json = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;
        foreach (var member in json.EnumerateObject().Where(member => member.Name.EndsWith("_endpoint", StringComparison.Ordinal) || member.Name == "jwks_uri"))
        {
            Assert.StartsWith("http://localhost:8080/", member.Value.GetString(), StringComparison.Ordinal);
            var path = member.Value.GetString()!["http://localhost:8080/".Length..];
            Assert.NotEqual(404, (await auth.GetAsync(path)).Status);
        }
        Assert.Equal("http://localhost:8080/uaa/oauth/device_authorization", json.GetProperty("device_authorization_endpoint").GetString());
        Assert.False(json.TryGetProperty("registration_endpoint", out _));
    }

    [Fact]
    public async Task M_03_every_advertised_grant_and_authentication_method_works()
    {
        var json = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;
        foreach (var known in new[] { "authorization_code", "password", "client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code" }) Assert.Contains(known, json.Texts("grant_types_supported"));
        Assert.Equal(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"], json.Texts("token_endpoint_auth_methods_supported"));

        var signIn = await auth.SignInAsync();
        Assert.Equal(200, signIn.Status);
        Assert.Equal(200, (await auth.RefreshAsync(signIn.RefreshToken)).Status);
        (string, string)[] grant = [("grant_type", "client_credentials")];
        Assert.Equal(200, (await auth.TokenAsync("account-service:account-secret", grant)).Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/oauth/token", null, [.. grant, ("client_id", "account-service"), ("client_secret", "account-secret")])).Status);
    }

    [Fact]
    public async Task X_10_addresses_come_from_the_configuration_and_never_from_the_request()
    {
        await using var other = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("mesh:issuer", "https://mesh.example.org/uaa/oauth/token"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/.well-known/openid-configuration");
        request.Headers.Host = "evil.example";
        request.Headers.TryAddWithoutValidation("X-Forwarded-Host", "evil.example");

        var reply = await other.SendAsync(request);

        Assert.Equal("https://mesh.example.org/uaa/oauth/token", reply.Text("issuer"));
        Assert.Equal("https://mesh.example.org/uaa/token_keys", reply.Text("jwks_uri"));
        Assert.DoesNotContain("evil", reply.Body, StringComparison.Ordinal);
        Assert.Equal("https://mesh.example.org/uaa/oauth/token", (await other.SignInAsync()).Claims.GetProperty("iss").GetString());
    }

    [Fact]
    public async Task Healthz_says_ok_in_plain_text()
    {
        var reply = await auth.GetAsync("uaa/healthz");

        Assert.Equal(200, reply.Status);
        Assert.Equal("ok\n", reply.Body);
        Assert.Equal("text/plain", reply.Content.ContentType!.MediaType);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Without_its_database_the_service_says_503_and_recovers(SqlEngine engine)
    {
        await using var own = await DemoAuth.StartAsync(engine);
        await own.ExecuteAsync("ALTER TABLE installation RENAME TO installation_away");
        await own.ExecuteAsync("ALTER TABLE clients RENAME TO clients_away");

        var health = await own.GetAsync("uaa/healthz");
        var token = await own.SignInAsync();

        Assert.Equal(503, health.Status);
        Assert.Equal("Database Connection failed.\n", health.Body);
        Assert.Equal(503, token.Status);
        Assert.Equal("uaa_unavailable", token.Text("error"));
        Assert.Equal("2", token.Headers.GetValues("Retry-After").Single());
        await own.ExecuteAsync("ALTER TABLE installation_away RENAME TO installation");
        await own.ExecuteAsync("ALTER TABLE clients_away RENAME TO clients");
        Assert.Equal(200, (await own.GetAsync("uaa/healthz")).Status);
        Assert.Equal(200, (await own.SignInAsync()).Status);
    }

    [Fact]
    public async Task A_changed_lifetime_counts_at_once_and_a_faulty_one_is_refused()
    {
        await using var own = await DemoAuth.StartAsync();
        var configuration = (Microsoft.Extensions.Configuration.IConfigurationRoot)own.Services.GetService(typeof(Microsoft.Extensions.Configuration.IConfiguration))!;

        configuration["auth:token:accessTokenLifetime"] = "2m";
        configuration.Reload();
        Assert.Equal(120, (await own.SignInAsync()).Json.GetProperty("expires_in").GetInt32());
        configuration["auth:token:accessTokenLifetime"] = "never";
        configuration.Reload();
        Assert.Equal(120, (await own.SignInAsync()).Json.GetProperty("expires_in").GetInt32());
        Assert.Contains(own.Logs, line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("auth:token", StringComparison.Ordinal));
    }

    [Fact]
    public async Task T_20_a_client_has_its_own_lifetime_up_to_twelve_hours()
    {
        await using var own = await DemoAuth.StartAsync();
        await own.ExecuteAsync("UPDATE clients SET access_token_validity = 3600 WHERE client_id = 'browser'");
        Assert.Equal(3600, (await own.SignInAsync()).Json.GetProperty("expires_in").GetInt32());
        await own.ExecuteAsync("UPDATE clients SET access_token_validity = 99999 WHERE client_id = 'browser'");
        Assert.Equal(43200, (await own.SignInAsync()).Json.GetProperty("expires_in").GetInt32());
    }

    [Fact]
    public async Task Every_answer_carries_a_trace_id()
    {
        Assert.Matches("^[0-9a-f]{32}$", (await auth.SignInAsync(password: "wrong")).Headers.GetValues("X-Trace-Id").Single());
        await auth.SignInAsync();
        Assert.Equal(JsonValueKind.Object, (await auth.GetAsync("actuator/health")).Json.ValueKind);
    }
}
