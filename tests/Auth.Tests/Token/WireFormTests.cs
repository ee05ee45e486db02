namespace SecureMesh.Auth.Tests.Token;

/// <summary>The same refusal in the form of UAA and in that of RFC 6749, as the client is registered.</summary>
public sealed class WireFormTests
{
    [Theory]
    [InlineData("uaa", 401, "invalid_token")]
    [InlineData("rfc", 400, "invalid_grant")]
    public async Task U_07_a_dead_refresh_token(string wire, int status, string error)
    {
        await using var auth = await OfWireAsync(wire);

        var reply = await auth.RefreshAsync("sm_rt_" + new string('A', 43) + "-r");

        Assert.Equal((status, error), (reply.Status, reply.Text("error")));
        Assert.Equal(wire == "uaa", reply.Challenge is not null);
    }

    [Theory]
    [InlineData("uaa", 401, "invalid_client")]
    [InlineData("rfc", 400, "invalid_grant")]
    public async Task U_07_A_08_a_wrong_password(string wire, int status, string error)
    {
        await using var auth = await OfWireAsync(wire);

        var reply = await auth.SignInAsync(password: "wrong");

        Assert.Equal((status, error), (reply.Status, reply.Text("error")));
        Assert.Equal(reply.Body, (await auth.SignInAsync("nobody")).Body);
    }

    [Theory]
    [InlineData("uaa", 401, "invalid_client")]
    [InlineData("rfc", 400, "unauthorized_client")]
    public async Task U_07_A_09_a_grant_that_the_client_may_not_use(string wire, int status, string error)
    {
        await using var auth = await OfWireAsync(wire);

        var reply = await auth.TokenAsync("browser:", ("grant_type", "client_credentials"));

        Assert.Equal((status, error), (reply.Status, reply.Text("error")));
        Assert.Equal("Unauthorized grant type", reply.Text("error_description"));
    }

    [Theory]
    [InlineData("uaa", "bearer")]
    [InlineData("rfc", "Bearer")]
    public async Task U_07_the_type_of_the_token(string wire, string type)
    {
        await using var auth = await OfWireAsync(wire);

        Assert.Equal(type, (await auth.SignInAsync()).Text("token_type"));
    }

    [Theory]
    [InlineData("uaa")]
    [InlineData("rfc")]
    public async Task A_04_A_09_a_client_that_does_not_authenticate_is_401_in_both(string wire)
    {
        await using var auth = await OfWireAsync(wire);

        var reply = await auth.SignInAsync(client: "browser:wrong");

        Assert.Equal((401, "invalid_client"), (reply.Status, reply.Text("error")));
        Assert.StartsWith("Basic realm=", reply.Challenge, StringComparison.Ordinal);
    }

    private static async Task<DemoAuth> OfWireAsync(string wire)
    {
        var auth = await DemoAuth.StartAsync();
        await auth.ExecuteAsync($"UPDATE clients SET wire = '{wire}' WHERE client_id = 'browser'");
        return auth;
    }
}
