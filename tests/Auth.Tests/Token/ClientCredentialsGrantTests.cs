namespace SecureMesh.Auth.Tests.Token;

public sealed class ClientCredentialsGrantTests(DemoAuth auth) : IClassFixture<DemoAuth>
{
    [Fact]
    public async Task A_07_a_client_gets_its_authorities_and_no_refresh_token()
    {
        var reply = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("server uaa.resource revocations.read", reply.Text("scope"));
        Assert.False(reply.Json.TryGetProperty("refresh_token", out _));
        var claims = reply.Claims;
        Assert.Equal("account-service", claims.GetProperty("sub").GetString());
        Assert.Equal("client_credentials", claims.GetProperty("grant_type").GetString());
        Assert.Equal(["server", "uaa.resource", "revocations.read"], claims.Texts("authorities"));
        Assert.Equal(["account-service", "uaa", "revocations", "mesh://gateway"], claims.Texts("aud"));
        foreach (var name in new[] { "user_id", "user_name", "email", "origin", "auth_time", "client_auth_method" }) Assert.False(claims.TryGetProperty(name, out _), name);
    }

    [Fact]
    public async Task A_narrowed_scope_leaves_the_authorities_as_UAA_does()
    {
        var claims = (await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("scope", "server"))).Claims;

        Assert.Equal(["server"], claims.Texts("scope"));
        Assert.Equal(["server", "uaa.resource", "revocations.read"], claims.Texts("authorities"));
        Assert.Equal(["account-service", "mesh://gateway"], claims.Texts("aud"));
    }

    [Fact]
    public async Task A_07_a_foreign_scope_is_refused()
    {
        var reply = await auth.TokenAsync("account-service:account-secret", ("grant_type", "client_credentials"), ("scope", "server uaa.admin"));

        Assert.Equal(400, reply.Status);
        Assert.Equal("""{"error":"invalid_scope","error_description":"Invalid scope: uaa.admin","scope":"server uaa.resource revocations.read"}""", reply.Body);
    }

    [Fact]
    public async Task U_07_a_grant_the_client_does_not_have_is_an_invalid_client()
    {
        var reply = await auth.TokenAsync("account-service:account-secret", ("grant_type", "password"), ("username", "demo"), ("password", "demo"));

        Assert.Equal(401, reply.Status);
        Assert.Equal("""{"error":"invalid_client","error_description":"Unauthorized grant type"}""", reply.Body);
        Assert.StartsWith("Basic realm=", reply.Challenge, StringComparison.Ordinal);
    }
}
