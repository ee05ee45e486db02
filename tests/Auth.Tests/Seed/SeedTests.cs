using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Seed;

public sealed class SeedTests
{
    private static readonly string[] DemoBasics = ["browser:", "account-service:account-secret", "web:web-secret", "admin:adminsecret", "app:appclientsecret"];

    [Theory]
    [InlineData("account-service:account-secret", "server uaa.resource revocations.read")]
    [InlineData("admin:adminsecret", "uaa.admin clients.read clients.write clients.secret scim.read scim.write scim.userids password.write")]
    public async Task The_demo_clients_act_in_their_own_name(string basic, string scope)
    {
        await using var auth = await DemoAuth.StartAsync();

        Assert.Equal(scope, (await auth.TokenAsync(basic, ("grant_type", "client_credentials"))).Text("scope"));
    }

    [Fact]
    public async Task The_demo_users_sign_in_and_admin_holds_more()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'openid ui uaa.admin scim.read scim.write' WHERE client_id = 'app'");

        var demo = await auth.SignInAsync(client: "app:appclientsecret", scope: "openid uaa.admin scim.read");
        var admin = await auth.SignInAsync("admin", "admin", client: "app:appclientsecret", scope: "openid uaa.admin scim.read scim.write");
        var nothing = await auth.SignInAsync(client: "app:appclientsecret", scope: "uaa.admin");

        Assert.Equal("openid", demo.Text("scope"));
        Assert.Equal("openid uaa.admin scim.read scim.write", admin.Text("scope"));
        Assert.Equal("""{"error":"invalid_scope","error_description":"[uaa.admin] is invalid. This user is not allowed any of the requested scopes"}""", nothing.Body);
    }

    [Fact]
    public async Task The_secret_of_the_gateway_is_the_one_given_at_the_start()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:bootstrap:secrets:gateway", Hash("first")));

        Assert.Equal("uaa.resource revocations.read passports.announce sessions.write",
            (await auth.TokenAsync("gateway:first", ("grant_type", "client_credentials"))).Text("scope"));
        Assert.Equal(401, (await auth.TokenAsync("gateway:" + Hash("first"), ("grant_type", "client_credentials"))).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task Production_holds_no_demo_identity(SqlEngine engine)
    {
        await using var database = await Databases.CreateAsync(engine);
        await using var auth = new MeshService<TokenEndpoint>(Production(database, "one"));

        foreach (var basic in DemoBasics)
        {
            Assert.Equal(401, await StatusAsync(auth, basic, "grant_type=client_credentials"));
            Assert.Equal(401, await StatusAsync(auth, basic, "grant_type=password&username=demo&password=demo"));
        }
        foreach (var client in new[] { "gateway", "account-service", "admin" })
            Assert.Equal(200, await StatusAsync(auth, client + ":one", "grant_type=client_credentials"));
        await using var connection = await database.Open("auth").OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["account-service", "admin", "gateway", "mesh-cli", "web"], await Dapper.SqlMapper.QueryAsync<string>(connection, "SELECT client_id FROM clients ORDER BY client_id"));
        Assert.Empty(await Dapper.SqlMapper.QueryAsync<string>(connection, "SELECT user_name FROM users"));
    }

    [Fact]
    public async Task A_changed_bootstrap_secret_replaces_the_one_before()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using (var first = new MeshService<TokenEndpoint>(Production(database, "one"))) first.Start();

        await using var second = new MeshService<TokenEndpoint>(Production(database, "two"));

        Assert.Equal(401, await StatusAsync(second, "gateway:one", "grant_type=client_credentials"));
        Assert.Equal(200, await StatusAsync(second, "gateway:two", "grant_type=client_credentials"));
    }

    [Fact]
    public async Task Production_without_a_secret_for_a_client_has_no_such_client()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using var auth = new MeshService<TokenEndpoint>(database.Settings(("auth:bootstrap:secrets:gateway", Hash("g")))).Start();

        await using var connection = await database.Open("auth").OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["gateway", "mesh-cli"], await Dapper.SqlMapper.QueryAsync<string>(connection, "SELECT client_id FROM clients ORDER BY client_id"));
    }

    [Fact]
    public async Task Production_refuses_the_data_of_a_demo_until_its_identities_are_removed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        Assert.Equal(
            "the data holds demo identities: start with a fresh --data folder or database, or remove them with: ./mesh remove-demo (and the same --data or --database)", await AuthProcess.RefusalAsync(Production(auth.Database, "one")));

        var (code, output, error) = await AuthProcess.RunAsync(auth.Database.Settings(), "--remove-demo");

        Assert.Equal(0, code);
        Assert.Equal("", error);
        Assert.Equal("removed 9 demo clients and users\n", output);
        await using var production = new MeshService<TokenEndpoint>(Production(auth.Database, "one"));
        Assert.Equal(401, await StatusAsync(production, "browser:", "grant_type=refresh_token&refresh_token=" + signIn.RefreshToken));
        using var request = new HttpRequestMessage(HttpMethod.Get, "uaa/users/current");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", signIn.AccessToken);
        Assert.Equal(401, (int)(await production.Http.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode);
        var keys = await production.Http.GetStringAsync("uaa/token_keys", TestContext.Current.CancellationToken);
        Assert.False(keys.Contains(Jwt.Header(signIn.AccessToken).GetProperty("kid").GetString()!, StringComparison.Ordinal), "the demo's signing key is still published");
    }

    [Fact]
    public async Task A_demo_refuses_the_data_of_production()
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);
        await using (var production = new MeshService<TokenEndpoint>(Production(database, "one"))) production.Start();

        Assert.StartsWith("the data belongs to a mesh that runs with --production", await AuthProcess.RefusalAsync(database.Settings(("mesh:demo", "true"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auth:bootstrap:secrets:gateway", "plain text", "auth:bootstrap:secrets:gateway must be the SHA-256 of the secret, 64 hex digits.")]
    [InlineData("auth:bootstrap:secrets:nobody", "x", "auth:bootstrap:secrets:NOBODY names no client that gets a secret at the start; these do: gateway, web, account-service, admin.")]
    public async Task A_bootstrap_secret_that_is_no_hash_stops_the_start(string name, string value, string message)
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);

        Assert.Equal(message, await AuthProcess.RefusalAsync(database.Settings((name, value))));
    }

    [Theory]
    [InlineData("auth:token:accessTokenLifetime", "13h")]
    [InlineData("auth:token:accessTokenLifetime", "soon")]
    [InlineData("auth:token:refreshTokenIdle", "31d")]
    [InlineData("auth:token:refreshTokenGrace", "61s")]
    [InlineData("auth:users:lockout:afterFailures", "0")]
    [InlineData("auth:users:defaultGroups", "ui mesh://gateway")]
    [InlineData("auth:hashing:queue", "0")]
    [InlineData("mesh:issuer", "not-a-url")]
    public async Task A_faulty_option_stops_the_start_and_is_named(string name, string value)
    {
        await using var database = await Databases.CreateAsync(SqlEngine.Sqlite);

        var refusal = await AuthProcess.RefusalAsync(database.Settings((name, value)));

        Assert.Contains(name, refusal, StringComparison.OrdinalIgnoreCase);
    }

    private static Dictionary<string, string> Production(TestDatabase database, string secret) => database.Settings(
        [.. new[] { "gateway", "web", "account-service", "admin" }.Select(client => ("auth:bootstrap:secrets:" + client, Hash(secret)))]);

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static async Task<int> StatusAsync(MeshService<TokenEndpoint> auth, string basic, string form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "uaa/oauth/token")
        {
            Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(basic)));
        using var response = await auth.Http.SendAsync(request);
        return (int)response.StatusCode;
    }
}
