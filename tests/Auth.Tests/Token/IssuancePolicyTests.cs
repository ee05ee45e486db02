namespace SecureMesh.Auth.Tests.Token;

/// <summary>What is asked of user and client whenever a token is issued, whatever the grant.</summary>
public sealed class IssuancePolicyTests
{
    [Fact]
    public async Task A_user_of_an_origin_that_the_client_does_not_serve_is_refused()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await auth.SignInAsync();
        await MetadataAsync(auth, """{"allowedproviders":["ldap"]}""");

        foreach (var reply in new[] { await auth.SignInAsync(), await auth.RefreshAsync(first.RefreshToken) })
        {
            Assert.Equal(401, reply.Status);
            Assert.Equal("""{"error":"unauthorized_client","error_description":"Client is not authorized for specified user's identity provider."}""", reply.Body);
        }
    }

    [Fact]
    public async Task A_user_outside_the_groups_that_the_client_requires_is_refused()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await auth.SignInAsync();
        await MetadataAsync(auth, """{"required_user_groups":["ui","uaa.admin"]}""");

        foreach (var reply in new[] { await auth.SignInAsync(), await auth.RefreshAsync(first.RefreshToken) })
        {
            Assert.Equal(400, reply.Status);
            Assert.Equal("""{"error":"invalid_scope","error_description":"User does not meet the client's required group criteria."}""", reply.Body);
        }
        Assert.Equal(200, (await auth.SignInAsync("admin", "admin")).Status);
    }

    [Fact]
    public async Task A_refused_refresh_does_not_cost_the_token()
    {
        await using var auth = await DemoAuth.StartAsync();
        var first = await auth.SignInAsync();
        await MetadataAsync(auth, """{"allowedproviders":["ldap"]}""");
        Assert.Equal(401, (await auth.RefreshAsync(first.RefreshToken)).Status);
        await MetadataAsync(auth, """{"allowedproviders":["uaa"]}""");
        auth.Clock.Advance(TimeSpan.FromMinutes(1));

        var second = await auth.RefreshAsync(first.RefreshToken);

        Assert.Equal(200, second.Status);
        Assert.Equal(first.Claims.GetProperty("grant_id").GetString(), second.Claims.GetProperty("grant_id").GetString());
    }

    private static Task<int> MetadataAsync(DemoAuth auth, string json) =>
        auth.ExecuteAsync($"UPDATE clients SET metadata = '{json}' WHERE client_id = 'browser'");
}
