using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Attacks;

public sealed class RefreshAttackTests
{
    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task V_048_N_12_parallel_refreshes_at_two_instances_make_one_live_token(SqlEngine engine)
    {
        await using var one = await DemoAuth.StartAsync(engine);
        await using var two = await one.AnotherAsync();
        var signedIn = await one.SignInAsync();

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? one : two).RefreshAsync(signedIn.RefreshToken)));

        // Within the window all get the same answer; at no time are two tokens of the family live.
        Assert.All(replies, reply => Assert.True(reply.Status == 200, reply.Body));
        Assert.Single(replies.Select(reply => reply.RefreshToken).Distinct());
        Assert.Equal(1, await one.ExecuteAsync("UPDATE refresh_tokens SET expires_at = expires_at WHERE consumed_at IS NULL"));
        Assert.Equal(1, await one.ExecuteAsync("UPDATE refresh_tokens SET expires_at = expires_at WHERE consumed_at IS NOT NULL"));
    }

    [Fact]
    public async Task V_049_a_restart_between_the_exchange_and_the_replay_resets_no_clock()
    {
        await using var auth = await DemoAuth.StartAsync();
        var signedIn = await auth.SignInAsync();
        var renewed = await auth.RefreshAsync(signedIn.RefreshToken);
        Assert.Equal(200, renewed.Status);
        auth.Clock.Advance(TimeSpan.FromSeconds(11));
        await auth.RestartAsync();

        Assert.Equal(401, (await auth.RefreshAsync(signedIn.RefreshToken)).Status);
        // The replay ended the family, the token that was good included.
        Assert.Equal(401, (await auth.RefreshAsync(renewed.RefreshToken)).Status);
        await auth.RestartAsync();
        Assert.Equal(401, (await auth.RefreshAsync(renewed.RefreshToken)).Status);
    }

    [Fact]
    public async Task V_050_a_refresh_asks_again_whether_the_client_and_its_scopes_are_still_allowed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var admin = await auth.AdminAsync();
        var signedIn = await auth.SignInAsync(client: "app:appclientsecret", scope: "openid ui");

        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/app", admin, """{"scope":"openid"}""")).Status);
        var narrowed = await auth.RefreshAsync(signedIn.RefreshToken, "app:appclientsecret");
        Assert.Equal((200, "openid"), (narrowed.Status, narrowed.Text("scope")));
        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/app", admin, """{"enabled":false}""")).Status);
        Assert.Equal(401, (await auth.RefreshAsync(narrowed.RefreshToken, "app:appclientsecret")).Status);
        // Nor does it come back to life with the client: what was disabled has ended.
        Assert.Equal(200, (await auth.CallAsync("PUT", "uaa/oauth/clients/app", admin, """{"enabled":true}""")).Status);
        Assert.Equal(401, (await auth.RefreshAsync(narrowed.RefreshToken, "app:appclientsecret")).Status);
        Assert.Equal(401, (await auth.GetAsync("uaa/userinfo", narrowed.AccessToken)).Status);
    }

    [Fact]
    public async Task V_116_deleting_a_client_ends_all_its_refresh_tokens_at_every_instance_at_once()
    {
        await using var one = await DemoAuth.StartAsync();
        await using var two = await one.AnotherAsync();
        var signedIn = new[] { await one.SignInAsync(client: "app:appclientsecret"), await two.SignInAsync("admin", "admin", client: "app:appclientsecret") };
        var bystander = await one.SignInAsync();
        Assert.Equal(200, (await one.CallAsync("DELETE", "uaa/oauth/clients/app", await one.AdminAsync())).Status);
        // The same id once more is another client.
        Assert.Equal(201, (await one.CallAsync("POST", "uaa/oauth/clients", await one.AdminAsync(), """
            {"client_id":"app","client_secret":"appclientsecret","authorized_grant_types":["password","refresh_token"],"scope":"openid ui"}
            """)).Status);

        foreach (var reply in signedIn) Assert.Equal(401, (await one.RefreshAsync(reply.RefreshToken, "app:appclientsecret")).Status);
        Assert.Equal(200, (await one.RefreshAsync(bystander.RefreshToken)).Status);
        Assert.Equal(2, await one.ExecuteAsync("UPDATE refresh_families SET revoked_at = revoked_at WHERE client_id = 'app' AND revoked_because = 'client deleted'"));
    }

    [Fact]
    public async Task K_03_K_16_A_12_lifetimes_are_those_of_the_contract_unless_a_client_or_a_setting_says_otherwise()
    {
        await using var auth = await DemoAuth.StartAsync();
        var admin = await auth.AdminAsync();
        foreach (var (own, lifetime) in new[] { ("", 600), (",\"access_token_validity\":7200", 7200), (",\"access_token_validity\":\"90000\"", 43_200) })
        {
            var id = "lives" + lifetime;
            Assert.Equal(201, (await auth.CallAsync("POST", "uaa/oauth/clients", admin, $"{{\"client_id\":\"{id}\",\"client_secret\":\"xxxxxxx\",\"authorized_grant_types\":[\"client_credentials\"]{own}}}")).Status);
            var reply = await auth.TokenAsync($"{id}:xxxxxxx", ("grant_type", "client_credentials"));
            Assert.Equal(lifetime.ToString(System.Globalization.CultureInfo.InvariantCulture), reply.Json.GetProperty("expires_in").GetRawText());
            Assert.Equal(lifetime, reply.Claims.GetProperty("exp").GetInt64() - reply.Claims.GetProperty("iat").GetInt64());
        }
        var signedIn = await auth.SignInAsync();
        var first = await auth.RefreshAsync(signedIn.RefreshToken);
        auth.Clock.Advance(TimeSpan.FromMilliseconds(9_999));
        Assert.Equal(first.RefreshToken, (await auth.RefreshAsync(signedIn.RefreshToken)).RefreshToken);
        auth.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(401, (await auth.RefreshAsync(signedIn.RefreshToken)).Status);

        var validator = new TokenOptionsValidator();
        Assert.True(validator.Validate(null, new TokenOptions { RefreshTokenGrace = TimeSpan.FromSeconds(60) }).Succeeded);
        Assert.True(validator.Validate(null, new TokenOptions { RefreshTokenGrace = TimeSpan.Zero }).Succeeded);
        Assert.True(validator.Validate(null, new TokenOptions { RefreshTokenGrace = TimeSpan.FromSeconds(61) }).Failed);
        Assert.True(validator.Validate(null, new TokenOptions { RefreshTokenGrace = TimeSpan.FromSeconds(-1) }).Failed);
    }
}
