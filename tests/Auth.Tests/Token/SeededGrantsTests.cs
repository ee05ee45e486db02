using Microsoft.Extensions.DependencyInjection;
using SecureMesh.Auth.Token.Device;

namespace SecureMesh.Auth.Tests.Token;

/// <summary>The grants of the demo's clients, as they are seeded.</summary>
public sealed class SeededGrantsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task K_05_T_07_the_command_line_signs_in_by_device_without_a_secret_and_renews_for_thirty_days()
    {
        await using var auth = await DemoAuth.StartAsync();
        var started = await auth.PostAsync("uaa/oauth/device_authorization", null, ("client_id", "mesh-cli"), ("scope", "openid ui"));
        Assert.True(started.Status == 200, started.Body);
        var devices = auth.Services.GetRequiredService<IDeviceAuthorizations>();
        var device = (await devices.FindAsync(started.Text("user_code"), Cancel))!;
        Assert.True(await devices.ApproveAsync(device, await Given.SessionAsync(auth), await Given.UserAsync(auth), ["openid", "ui"], Cancel));

        var tokens = await auth.PostAsync("uaa/oauth/token", null, ("client_id", "mesh-cli"), ("grant_type", Given.Device), ("device_code", started.Text("device_code")));

        Assert.True(tokens.Status == 200, tokens.Body);
        Assert.Equal("openid ui", tokens.Text("scope"));
        Assert.Equal("none", tokens.Claims.GetProperty("client_auth_method").GetString());
        var first = tokens.RefreshToken;
        for (var day = 0; day < 28; day += 7)
        {
            auth.Clock.Advance(TimeSpan.FromDays(7));
            var next = await RefreshAsync(auth, first);
            Assert.True(next.Status == 200, next.Body);
            Assert.NotEqual(first, next.RefreshToken);
            first = next.RefreshToken;
        }
        auth.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(401, (await RefreshAsync(auth, first)).Status);
    }

    [Fact]
    public async Task D_01_the_metadata_names_the_address_for_devices_and_every_grant()
    {
        await using var auth = await DemoAuth.StartAsync();

        var metadata = (await auth.GetAsync("uaa/.well-known/openid-configuration")).Json;

        Assert.Equal("http://localhost:8080/uaa/oauth/device_authorization", metadata.GetProperty("device_authorization_endpoint").GetString());
        Assert.Superset(
            new HashSet<string> { "authorization_code", "password", "client_credentials", "refresh_token", "user_token", Given.Device, Given.Exchange, Given.JwtBearer },
            metadata.Texts("grant_types_supported").ToHashSet());
    }

    private static Task<Reply> RefreshAsync(DemoAuth auth, string token) =>
        auth.PostAsync("uaa/oauth/token", null, ("client_id", "mesh-cli"), ("grant_type", "refresh_token"), ("refresh_token", token));
}
