using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

public sealed class RefreshTokenGrantTests
{
    private const string Dead = """{"error":"invalid_token","error_description":"The token expired, was revoked, or the token ID is incorrect."}""";
    private static readonly TimeSpan PastGrace = TimeSpan.FromSeconds(11);

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task A_refresh_gives_a_new_pair_for_the_same_sign_in(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var first = await auth.SignInAsync();
        auth.Clock.Advance(TimeSpan.FromMinutes(9));

        var second = await auth.RefreshAsync(first.RefreshToken);

        Assert.Equal(200, second.Status);
        Assert.NotEqual(first.RefreshToken, second.RefreshToken);
        Assert.NotEqual(first.Text("jti"), second.Text("jti"));
        Assert.Equal("ui openid", second.Text("scope"));
        Assert.Equal("password", second.Claims.GetProperty("grant_type").GetString());
        Assert.Equal(first.Claims.GetProperty("auth_time").GetInt64(), second.Claims.GetProperty("auth_time").GetInt64());
        Assert.Equal(first.Claims.GetProperty("iat").GetInt64() + 540, second.Claims.GetProperty("iat").GetInt64());
        Assert.Equal(first.Claims.Texts("aud"), second.Claims.Texts("aud"));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_07_a_used_token_after_the_grace_ends_the_family(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var first = (await auth.SignInAsync()).RefreshToken;
        var second = (await auth.RefreshAsync(first)).RefreshToken;
        auth.Clock.Advance(PastGrace);

        var reuse = await auth.RefreshAsync(first);
        var newest = await auth.RefreshAsync(second);

        Assert.Equal(401, reuse.Status);
        Assert.Equal(Dead, reuse.Body);
        Assert.Equal("""Bearer realm="oauth", error="invalid_token", error_description="The token expired, was revoked, or the token ID is incorrect." """.Trim(), reuse.Challenge);
        Assert.Equal(401, newest.Status);
        Assert.Contains(auth.Logs, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("revoked family", StringComparison.Ordinal));
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_07_inside_the_grace_the_same_child_comes_back_until_it_is_used(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var first = (await auth.SignInAsync()).RefreshToken;
        var child = (await auth.RefreshAsync(first)).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromSeconds(9));

        Assert.Equal(child, (await auth.RefreshAsync(first)).RefreshToken);
        var grandchild = (await auth.RefreshAsync(child)).RefreshToken;
        Assert.Equal(401, (await auth.RefreshAsync(first)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(grandchild)).Status);
    }

    [Fact]
    public async Task T_07_a_grace_of_zero_is_zero()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:refreshTokenGrace", "0s"));
        var first = (await auth.SignInAsync()).RefreshToken;
        await auth.RefreshAsync(first);

        Assert.Equal(401, (await auth.RefreshAsync(first)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_01_T_08_fifty_parallel_refreshes_give_one_child(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var first = (await auth.SignInAsync()).RefreshToken;

        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => auth.RefreshAsync(first)));

        Assert.All(replies, reply => Assert.Equal(200, reply.Status));
        var child = Assert.Single(replies.Select(reply => reply.RefreshToken).Distinct());
        Assert.Equal(200, (await auth.RefreshAsync(child)).Status);
    }

    [Fact]
    public async Task T_01_without_grace_one_of_fifty_parallel_refreshes_succeeds_and_the_family_ends()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:refreshTokenGrace", "0s"));
        var first = (await auth.SignInAsync()).RefreshToken;

        var replies = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => auth.RefreshAsync(first)));

        var winner = Assert.Single(replies, reply => reply.Status == 200);
        Assert.Equal(401, (await auth.RefreshAsync(winner.RefreshToken)).Status);
    }

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_09_a_restart_changes_nothing(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        var signIn = await auth.SignInAsync();
        var first = signIn.RefreshToken;
        await auth.RestartAsync();

        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo", signIn.AccessToken)).Status);
        var second = (await auth.RefreshAsync(first)).RefreshToken;
        await auth.RestartAsync();
        Assert.Equal(second, (await auth.RefreshAsync(first)).RefreshToken);
        auth.Clock.Advance(PastGrace);
        await auth.RestartAsync();
        Assert.Equal(401, (await auth.RefreshAsync(first)).Status);
        Assert.Equal(401, (await auth.RefreshAsync(second)).Status);
    }

    [Fact]
    public async Task T_12_K_05_a_token_ends_when_it_is_idle_and_rotation_does_not_pass_the_absolute_end()
    {
        await using var auth = await DemoAuth.StartAsync();
        var idle = (await auth.SignInAsync()).RefreshToken;
        var used = (await auth.SignInAsync()).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromDays(13));
        used = (await auth.RefreshAsync(used)).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(401, (await auth.RefreshAsync(idle)).Status);
        auth.Clock.Advance(TimeSpan.FromDays(10));
        used = (await auth.RefreshAsync(used)).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromDays(5));
        used = (await auth.RefreshAsync(used)).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(401, (await auth.RefreshAsync(used)).Status);
    }

    [Fact]
    public async Task A_06_scope_narrows_the_access_token_and_not_the_refresh_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await auth.SignInAsync();

        var narrow = await auth.RefreshAsync(first.RefreshToken, more: ("scope", "ui"));
        var full = await auth.RefreshAsync(narrow.RefreshToken);

        Assert.Equal("ui", narrow.Text("scope"));
        Assert.Equal("ui openid", full.Text("scope"));
    }

    [Fact]
    public async Task A_06_a_wider_scope_is_refused_and_costs_nothing()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = (await auth.SignInAsync(scope: "ui")).RefreshToken;

        var wider = await auth.RefreshAsync(first, more: ("scope", "ui openid"));

        Assert.Equal(400, wider.Status);
        Assert.Equal("invalid_scope", wider.Text("error"));
        Assert.Equal("Unable to narrow the scope of the client authentication to [openid].", wider.Text("error_description"));
        Assert.Equal(200, (await auth.RefreshAsync(first)).Status);
    }

    [Fact]
    public async Task RI_01_a_refresh_keeps_the_resources_or_takes_some_of_them()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await auth.TokenAsync("browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"),
            ("resource", "mesh://account-service"), ("resource", "mesh://auth-service"));

        var other = await auth.RefreshAsync(first.RefreshToken, more: ("resource", "mesh://config"));
        var one = await auth.RefreshAsync(first.RefreshToken, more: ("resource", "mesh://auth-service"));
        var all = await auth.RefreshAsync(one.RefreshToken);

        Assert.Equal("invalid_target", other.Text("error"));
        Assert.Equal(["mesh://auth-service"], one.Claims.Texts("aud"));
        Assert.Equal(["mesh://account-service", "mesh://auth-service"], all.Claims.Texts("aud"));
    }

    [Fact]
    public async Task Another_client_is_refused_and_neither_spends_nor_revokes_the_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = (await auth.SignInAsync()).RefreshToken;

        var foreign = await auth.RefreshAsync(first, "app:appclientsecret");

        Assert.Equal(400, foreign.Status);
        Assert.Equal("""{"error":"invalid_grant","error_description":"Wrong client for this refresh token: app"}""", foreign.Body);
        Assert.Equal(200, (await auth.RefreshAsync(first)).Status);
    }

    [Theory]
    [InlineData("UPDATE users SET active = @no WHERE user_name = 'demo'", "T_10_user_disabled")]
    [InlineData("DELETE FROM users WHERE user_name = 'demo'", "T_10_user_deleted")]
    [InlineData("UPDATE users SET salt = 'another' WHERE user_name = 'demo'", "T_11_password_changed")]
    [InlineData("UPDATE users SET email = 'other@example.com' WHERE user_name = 'demo'", "T_11_email_changed")]
    [InlineData("UPDATE clients SET enabled = @no WHERE client_id = 'browser'", "T_10_client_disabled")]
    [InlineData("UPDATE clients SET token_salt = 'another' WHERE client_id = 'browser'", "T_11_client_revoked")]
    [InlineData("UPDATE clients SET grant_types = 'password' WHERE client_id = 'browser'", "T_10_grant_withdrawn")]
    [InlineData("UPDATE clients SET scopes = 'other' WHERE client_id = 'browser'", "T_10_scopes_withdrawn")]
    public async Task T_10_a_refresh_asks_again_whether_user_and_client_may(string change, string why)
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = (await auth.SignInAsync()).RefreshToken;
        await auth.ExecuteAsync(change);

        var reply = await auth.RefreshAsync(first);

        Assert.True(reply.Status == 401, $"{why}: {reply.Status} {reply.Body}");
    }

    [Fact]
    public async Task A_06_a_scope_that_was_withdrawn_is_not_renewed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = (await auth.SignInAsync()).RefreshToken;
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'ui' WHERE client_id = 'browser'");

        Assert.Equal("ui", (await auth.RefreshAsync(first)).Text("scope"));
    }

    [Fact]
    public async Task T_04_truncated_extended_and_made_up_tokens_are_dead()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await auth.SignInAsync()).RefreshToken;

        foreach (var wrong in new[] { token[..^1], token + "A", token[..^2], token.ToUpperInvariant(), "sm_rt_-r", "x", new string('A', 20_000) })
        {
            var reply = await auth.RefreshAsync(wrong);
            Assert.Equal(401, reply.Status);
            Assert.Equal(Dead, reply.Body);
        }
        Assert.Equal(400, (await auth.RefreshAsync("")).Status);
        Assert.Equal(200, (await auth.RefreshAsync(token)).Status);
    }

    [Fact]
    public async Task An_empty_parameter_is_an_invalid_request()
    {
        await using var auth = await DemoAuth.StartAsync();

        Assert.Equal("""{"error":"invalid_request","error_description":"refresh_token parameter not provided"}""", (await auth.RefreshAsync("")).Body);
    }

    [Fact]
    public async Task A_refresh_token_is_no_access_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await auth.SignInAsync()).RefreshToken;

        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", token)).Status);
        Assert.Equal(400, (await auth.PostAsync("uaa/check_token", "account-service:account-secret", ("token", token))).Status);
    }
}
