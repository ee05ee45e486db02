using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Approvals;
using SecureMesh.Auth.Clients;
using SecureMesh.Auth.Revocation;
using SecureMesh.Auth.Sessions;
using SecureMesh.Auth.Token;
using SecureMesh.Sdk;
using SecureMesh.Tests.Support;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>What is asked again at a refresh, and what a refresh token is worth for which client.</summary>
public sealed class RefreshPolicyTests
{
    private const string Dead = """{"error":"invalid_token","error_description":"The token expired, was revoked, or the token ID is incorrect."}""";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [ClassData(typeof(EachEngine))]
    public async Task T_07_without_rotation_the_same_token_comes_back_and_its_idle_end_moves(SqlEngine engine)
    {
        await using var auth = await DemoAuth.StartAsync(engine);
        await MetadataAsync(auth, "browser", """{"refresh_token_rotation":false}""");
        var token = (await auth.SignInAsync()).RefreshToken;

        for (var day = 0; day < 28; day += 7)
        {
            auth.Clock.Advance(TimeSpan.FromDays(7));
            var reply = await auth.RefreshAsync(token);
            Assert.Equal(200, reply.Status);
            Assert.Equal(token, reply.RefreshToken);
        }
        auth.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(Dead, (await auth.RefreshAsync(token)).Body); // K-05: 30 days are the absolute end
    }

    [Fact]
    public async Task T_07_F2_33_rotation_follows_setting_registration_and_profile()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:rotateRefreshTokens", "false"));
        await using var rotating = await DemoAuth.StartAsync();

        Assert.False(await RotatesAsync(auth, "{}"));
        Assert.True(await RotatesAsync(auth, """{"refresh_token_rotation":true}"""));
        Assert.True(await RotatesAsync(rotating, "{}"));
        // A client of this profile authenticates by a key; the rule is asked directly.
        var client = (await rotating.Services.GetRequiredService<IClients>().FindAsync("uaa", "app", Cancel))!;
        var token = await StartAsync(rotating, "app", new SignInDetails(), "password");
        var families = rotating.Services.GetRequiredService<RefreshFamilies>();
        var (family, _) = (await families.FindAsync(token, Cancel))!.Value;
        Assert.True(families.Rotates(family, client));
        Assert.False(families.Rotates(family, client with { Metadata = new ClientMetadata { Profile = "fapi2", RefreshTokenRotation = true } }));

        static async Task<bool> RotatesAsync(DemoAuth auth, string metadata)
        {
            await MetadataAsync(auth, "app", metadata);
            var token = (await auth.SignInAsync(client: "app:appclientsecret")).RefreshToken;
            return (await auth.RefreshAsync(token, "app:appclientsecret")).RefreshToken != token;
        }
    }

    [Theory]
    [InlineData("{}", 23, true)]
    [InlineData("{}", 24, false)]
    [InlineData("""{"application_type":"native"}""", 24, true)]
    public async Task K_05_in_a_browser_without_a_secret_a_day_is_the_end(string metadata, int hours, bool good)
    {
        await using var auth = await DemoAuth.StartAsync();
        await MetadataAsync(auth, "browser", metadata);
        var family = await StartAsync(auth, "browser", new SignInDetails { Public = true }, "password");
        auth.Clock.Advance(TimeSpan.FromHours(hours));

        Assert.Equal(good ? 200 : 401, (await auth.RefreshAsync(family)).Status);
    }

    [Fact]
    public async Task T_07_tokens_of_a_client_without_a_secret_rotate_whatever_is_set()
    {
        await using var auth = await DemoAuth.StartAsync();
        await MetadataAsync(auth, "browser", """{"refresh_token_rotation":false}""");
        var token = await StartAsync(auth, "browser", new SignInDetails { Public = true }, "password");

        Assert.NotEqual(token, (await auth.RefreshAsync(token)).RefreshToken);
    }

    [Fact]
    public async Task T_10_after_a_not_before_of_the_user_nothing_older_is_renewed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var token = (await auth.SignInAsync()).RefreshToken;
        auth.Clock.Advance(TimeSpan.FromSeconds(5));
        var now = auth.Clock.GetUtcNow();
        await auth.Services.GetRequiredService<IRevocations>().AddAsync(new RevocationEvent
        {
            Kind = RevocationKind.User,
            Subject = (await Given.UserAsync(auth)).Id,
            NotBefore = now,
            ExpiresAt = now.AddHours(13),
            Because = "test",
        }, Cancel);

        Assert.Equal(Dead, (await auth.RefreshAsync(token)).Body);
        Assert.Equal(200, (await auth.RefreshAsync((await auth.SignInAsync()).RefreshToken)).Status);
    }

    [Fact]
    public async Task T_10_T_15_a_scope_that_is_not_approved_any_more_is_not_renewed()
    {
        await using var auth = await DemoAuth.StartAsync();
        var user = await Given.UserAsync(auth);
        var client = (await auth.Services.GetRequiredService<IClients>().FindAsync("uaa", "app", Cancel))!;
        await auth.Services.GetRequiredService<IApprovals>().DecideAsync(user, client, ["ui", "openid"], [], Cancel);
        var token = await StartAsync(auth, "app", new SignInDetails(), "authorization_code");
        var next = await auth.RefreshAsync(token, "app:appclientsecret");
        Assert.Equal(200, next.Status);
        await auth.ExecuteAsync("DELETE FROM approvals WHERE scope = 'ui'");

        var reply = await auth.RefreshAsync(next.RefreshToken, "app:appclientsecret");

        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_token","error_description":"Invalid token (some requested scopes are not approved): [ui]"}""", reply.Body);
        Assert.Equal(200, (await auth.RefreshAsync(next.RefreshToken, "app:appclientsecret", ("scope", "openid"))).Status);
    }

    [Fact]
    public async Task T_11_the_end_of_the_session_ends_what_was_begun_in_it()
    {
        await using var auth = await DemoAuth.StartAsync();
        var session = await Given.SessionAsync(auth);
        var token = await StartAsync(auth, "app", new SignInDetails(), "password", session.Id);
        var offline = await StartAsync(auth, "app", new SignInDetails { Offline = true }, "password", session.Id);
        await auth.Services.GetRequiredService<ISessions>().EndAsync(session.Id, "logout", Cancel);

        Assert.Equal(401, (await auth.RefreshAsync(token, "app:appclientsecret")).Status);
        Assert.Equal(200, (await auth.RefreshAsync(offline, "app:appclientsecret")).Status);
    }

    [Fact]
    public async Task Refresh_tokens_can_be_kept_for_those_who_were_granted_uaa_offline_token()
    {
        await using var auth = await DemoAuth.StartAsync(SqlEngine.Sqlite, ("auth:token:refreshNeedsOfflineToken", "true"));
        await auth.ExecuteAsync("UPDATE clients SET scopes = 'ui openid uaa.offline_token' WHERE client_id = 'browser'");

        Assert.False((await auth.SignInAsync(scope: "ui")).Json.TryGetProperty("refresh_token", out _));
        var token = (await auth.SignInAsync(scope: "ui uaa.offline_token")).RefreshToken;
        Assert.Equal(200, (await auth.RefreshAsync(token)).Status);
    }

    [Theory]
    [InlineData(null, 600)]
    [InlineData(43200, 43200)]
    [InlineData(50000, 43200)]
    [InlineData(60, 60)]
    public async Task T_20_a_clients_own_lifetime_counts_up_to_twelve_hours(int? own, int expected)
    {
        await using var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET access_token_validity = {own?.ToString(CultureInfo.InvariantCulture) ?? "NULL"} WHERE client_id = 'browser'");

        var reply = await auth.SignInAsync();

        Assert.Equal(expected, reply.Json.GetProperty("expires_in").GetInt32());
        Assert.Equal(expected, reply.Claims.GetProperty("exp").GetInt64() - reply.Claims.GetProperty("iat").GetInt64());
    }

    private static Task<int> MetadataAsync(DemoAuth auth, string client, string json) =>
        auth.ExecuteAsync($"UPDATE clients SET metadata = '{json}' WHERE client_id = '{client}'");

    // A family as another grant would have started it.
    private static async Task<string> StartAsync(DemoAuth auth, string clientId, SignInDetails details, string grantType, string? session = null)
    {
        var client = (await auth.Services.GetRequiredService<IClients>().FindAsync("uaa", clientId, Cancel))!;
        return await auth.Services.GetRequiredService<RefreshFamilies>().StartAsync(new Authorization
        {
            Client = new AuthenticatedClient(client, null),
            User = await Given.UserAsync(auth),
            Scopes = ["ui", "openid"],
            Resources = [],
            GrantType = grantType,
            SessionId = session ?? (grantType == "authorization_code" ? (await Given.SessionAsync(auth)).Id : null),
            Details = details,
        }, auth.Clock.GetUtcNow(), Cancel);
    }
}
