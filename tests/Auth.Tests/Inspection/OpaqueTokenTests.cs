using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Inspection;

/// <summary>Access tokens that say nothing themselves, and what introspection says of each kind.</summary>
public sealed class OpaqueTokenTests
{
    private const string Service = "account-service:account-secret";
    private const string Inactive = """{"active":false}""";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_14_U_06_an_opaque_token_is_good_wherever_a_token_is_and_its_jti_is_not_the_token(SqlEngine engine)
    {
        // Pruned by the test alone.
        await using var auth = await DemoAuth.StartAsync(engine, ("auth:pruning:interval", "1d"));

        var reply = await OpaqueAsync(auth);

        var token = reply.AccessToken;
        Assert.Matches("^sm_at_[A-Za-z0-9_-]{43}$", token);
        Assert.DoesNotContain(reply.Text("jti"), token, StringComparison.Ordinal);
        Assert.Equal("bearer", reply.Text("token_type"));
        var claims = (await auth.PostAsync("uaa/check_token", Service, ("token", token))).Json;
        Assert.Equal(reply.Text("jti"), claims.GetProperty("jti").GetString());
        Assert.True(claims.GetProperty("revocable").GetBoolean());
        Assert.Equal("demo", claims.GetProperty("user_name").GetString());
        Assert.Equal(["ui", "openid"], claims.Texts("scope"));
        Assert.True((await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json.GetProperty("active").GetBoolean());
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", token)).Status);
        await auth.RestartAsync();
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", token)).Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(600));
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(1, await auth.ExecuteAsync("UPDATE access_tokens SET jti = jti"));
        auth.Clock.Advance(TimeSpan.FromSeconds(1));
        foreach (var prunable in auth.Services.GetServices<Auth.Pruning.IPrunable>()) await prunable.PruneAsync(auth.Clock.GetUtcNow(), Cancel);
        Assert.Equal(0, await auth.ExecuteAsync("UPDATE access_tokens SET jti = jti"));
    }

    [Fact]
    public async Task T_14_a_client_that_is_registered_so_gets_opaque_tokens_unless_it_asks_for_another()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("""UPDATE clients SET metadata = '{"token_format":"opaque"}' WHERE client_id = 'account-service'""");
        (string, string)[] grant = [("grant_type", "client_credentials")];

        Assert.StartsWith("sm_at_", (await auth.TokenAsync(Service, grant)).AccessToken, StringComparison.Ordinal);
        Assert.StartsWith("eyJ", (await auth.TokenAsync(Service, [.. grant, ("token_format", "jwt")])).AccessToken, StringComparison.Ordinal);
        Assert.Equal("""{"error":"invalid_request","error_description":"Unsupported token_format"}""", (await auth.TokenAsync(Service, [.. grant, ("token_format", "saml")])).Body);
    }

    [Fact]
    public async Task V_037_T_04_every_shorter_and_longer_text_is_refused_and_the_database_holds_no_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await OpaqueAsync(auth)).AccessToken;

        for (var length = 1; length < token.Length; length++) Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", token[..length]))).Body);
        foreach (var text in new[] { token + "A", token + "=", " " + token, token.ToUpperInvariant(), token[..^1] + (token[^1] == 'A' ? 'B' : 'A') })
            Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", text))).Body);
        Assert.Equal(0, await auth.ExecuteAsync($"UPDATE access_tokens SET jti = jti WHERE token_hash LIKE '%{token[6..]}%' OR claims LIKE '%{token[6..]}%' OR jti LIKE '%{token[6..]}%'"));
        Assert.DoesNotContain(auth.Logs, line => line.Contains(token[6..20], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("UPDATE users SET salt = 'new' WHERE user_name = 'demo'")]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'")]
    [InlineData("UPDATE clients SET token_salt = 'new' WHERE client_id = 'browser'")]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'browser'")]
    [InlineData("""UPDATE clients SET metadata = '{"required_user_groups":["other"]}' WHERE client_id = 'browser'""")]
    public async Task V_035_I_02_a_token_that_was_good_a_moment_ago_is_judged_anew(string change)
    {
        await using var auth = await DemoAuth.StartAsync();
        var tokens = new[] { (await OpaqueAsync(auth)).AccessToken, (await auth.SignInAsync()).AccessToken };
        foreach (var token in tokens) Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", token)).Status);

        await auth.ExecuteAsync(change);

        foreach (var token in tokens)
        {
            Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
            Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Body);
        }
    }

    [Fact]
    public async Task V_035_a_user_disabled_at_one_instance_is_refused_at_the_other()
    {
        await using var one = await DemoAuth.StartAsync(SqlEngine.PostgreSql);
        await using var two = await one.AnotherAsync();
        var signIn = await one.SignInAsync();
        Assert.Equal(200, (await two.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        var heard = new TaskCompletionSource();
        two.Services.GetRequiredService<Auth.Revocation.IInvalidations>().Subscribe("user", id => { if (id == signIn.Claims.GetProperty("sub").GetString()) heard.TrySetResult(); });

        await one.Services.GetRequiredService<SqlDatabase>().WriteAsync(async (connection, transaction) =>
        {
            await one.Services.GetRequiredService<Auth.Revocation.IInvalidations>().PublishAsync(connection, transaction, "user", signIn.Claims.GetProperty("sub").GetString()!);
            return await Dapper.SqlMapper.ExecuteAsync(connection, "UPDATE users SET active = false WHERE user_name = 'demo'", null, transaction);
        }, Cancel);
        await heard.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);

        Assert.Equal(401, (await two.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
    }

    [Fact]
    public async Task U_09_I_02_a_client_of_the_standard_gets_scope_as_words()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await auth.SignInAsync()).AccessToken;
        Assert.Equal(["ui", "openid"], (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json.Texts("scope"));
        await auth.ExecuteAsync("UPDATE clients SET wire = 'rfc' WHERE client_id = 'account-service'");

        var json = (await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json;

        Assert.Equal("ui openid", json.GetProperty("scope").GetString());
        Assert.Equal("Bearer", json.GetProperty("token_type").GetString());
        foreach (var name in new[] { "active", "client_id", "username", "exp", "iat", "sub", "aud", "iss", "jti" }) Assert.True(json.TryGetProperty(name, out _), name);
    }

    [Fact]
    public async Task I_02_a_refresh_token_is_described_to_its_own_client_alone()
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync("UPDATE clients SET authorities = 'uaa.resource' WHERE client_id = 'app'");
        const string app = "app:appclientsecret";
        var first = await auth.SignInAsync(client: app, scope: "openid");

        var json = (await auth.PostAsync("uaa/introspect", app, ("token", first.RefreshToken), ("token_type_hint", "access_token"))).Json;
        Assert.True(json.GetProperty("active").GetBoolean());
        Assert.Equal("refresh", json.GetProperty("token_use").GetString());
        Assert.Equal("demo", json.GetProperty("username").GetString());
        Assert.Equal(["openid"], json.Texts("scope"));
        Assert.Equal(auth.Clock.GetUtcNow().AddDays(14).ToUnixTimeSeconds(), json.GetProperty("exp").GetInt64());
        Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", first.RefreshToken))).Body);

        var second = await auth.RefreshAsync(first.RefreshToken, app);
        Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", app, ("token", first.RefreshToken))).Body);
        Assert.True((await auth.PostAsync("uaa/introspect", app, ("token", second.RefreshToken))).Json.GetProperty("active").GetBoolean());
        await auth.ExecuteAsync("UPDATE users SET active = @no WHERE user_name = 'demo'");
        Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", app, ("token", second.RefreshToken))).Body);
    }

    [Fact]
    public async Task V_124_no_kind_of_token_passes_for_another()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signIn = await auth.SignInAsync();
        var opaque = (await OpaqueAsync(auth)).AccessToken;
        var api = (await ApiTokens.ApiTokenTests.CreateAsync(auth, signIn.AccessToken, new { label = "x" })).Text("token");

        foreach (var token in new[] { signIn.AccessToken, opaque, api })
            Assert.Equal(401, (await auth.RefreshAsync(token)).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", signIn.RefreshToken)).Status);
        if (signIn.Json.TryGetProperty("id_token", out var idToken))
        {
            Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", idToken.GetString())).Status);
            Assert.Equal(Inactive, (await auth.PostAsync("uaa/introspect", Service, ("token", idToken.GetString()!))).Body);
        }
    }

    [Fact]
    public async Task V_070_the_memory_for_verified_tokens_is_bounded_and_holds_good_ones_alone()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:inspection:cachedTokens", "20"));
        var cache = auth.Services.GetRequiredService<Auth.Inspection.TokenCache>();
        for (var i = 0; i < 50; i++) await auth.PostAsync("uaa/introspect", Service, ("token", "eyJ.x." + i));
        Assert.Equal(0, cache.Count);

        var tokens = new List<string>();
        for (var i = 0; i < 50; i++) tokens.Add((await auth.TokenAsync(Service, ("grant_type", "client_credentials"))).AccessToken);
        for (var round = 0; round < 2; round++)
            foreach (var token in tokens)
            {
                Assert.True((await auth.PostAsync("uaa/introspect", Service, ("token", token))).Json.GetProperty("active").GetBoolean());
                Assert.InRange(cache.Count, 1, 20);
            }
    }

    private static Task<Reply> OpaqueAsync(DemoAuth auth) => auth.TokenAsync(
        "browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "ui openid"), ("token_format", "opaque"));
}
