namespace SecureMesh.Auth.Tests.Attacks;

public sealed class RequestAttackTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task V_023_credentials_in_the_query_are_refused_and_reach_no_log()
    {
        const string secret = "Kn0wn-Only-To-The-Query";
        foreach (var name in new[] { "client_secret", "password", "refresh_token", "token", "code", "code_verifier", "assertion", "client_assertion", "passcode", "username" })
            foreach (var path in new[] { "uaa/oauth/token", "uaa/check_token", "uaa/introspect" })
            {
                var reply = await auth.PostAsync($"{path}?{name}={secret}", "browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("token", "x"));
                Assert.Equal((406, "query_string_not_allowed"), (reply.Status, reply.Text("error")));
                Assert.DoesNotContain(secret, reply.Body, StringComparison.Ordinal);
            }
        Assert.Equal(405, (await auth.GetAsync($"uaa/oauth/token?grant_type=password&username=demo&password={secret}")).Status);
        Assert.NotEmpty(auth.Logs);
        Assert.DoesNotContain(auth.Logs, line => line.Contains(secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task X_05_unknown_parameters_are_ignored_everywhere()
    {
        var reply = await auth.PostAsync("uaa/oauth/token?colour=red", "browser:", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "openid"), ("colour", "red"), ("x", ""));
        Assert.Equal(200, reply.Status);
        Assert.Equal(200, (await auth.PostAsync("uaa/introspect", "account-service:account-secret", ("token", reply.AccessToken), ("colour", "red"))).Status);
        Assert.Equal(200, (await auth.GetAsync("uaa/userinfo?schema=openid&colour=red", reply.AccessToken)).Status);
        Assert.Equal(200, (await auth.RefreshAsync(reply.RefreshToken, more: ("colour", "red"))).Status);
    }

    [Fact]
    public async Task N_11_ids_and_scopes_are_compared_letter_by_letter()
    {
        Assert.Equal(401, (await auth.TokenAsync("Admin:adminsecret", ("grant_type", "client_credentials"))).Status);
        Assert.Equal(401, (await auth.TokenAsync("admın:adminsecret", ("grant_type", "client_credentials"))).Status);
        Assert.Equal(400, (await auth.TokenAsync("admin:adminsecret", ("grant_type", "client_credentials"), ("scope", "UAA.admin"))).Status);
        Assert.Equal(400, (await auth.SignInAsync(scope: "OpenID")).Status);
        Assert.Equal(400, (await auth.TokenAsync("admin:adminsecret", ("grant_type", "Client_Credentials"))).Status);
        // Nor is a client told apart from another by case alone when it is read, changed or deleted.
        var admin = await auth.AdminAsync();
        Assert.Equal(404, (await auth.GetAsync("uaa/oauth/clients/APP", admin)).Status);
        Assert.Equal(404, (await auth.CallAsync("DELETE", "uaa/oauth/clients/App", admin)).Status);
    }
}
