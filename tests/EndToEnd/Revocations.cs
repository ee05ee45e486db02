using System.Net;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>A token that auth revoked, at a service that is called directly.</summary>
public sealed class Revocations
{
    [Fact]
    public async Task T_13_a_revoked_token_is_refused_at_the_service_and_a_cut_feed_is_made_up_for()
    {
        await using var mesh = new RunningMesh();
        await mesh.StartAsync();
        var (first, second, third) = (await TokenAsync(mesh), await TokenAsync(mesh), await TokenAsync(mesh));
        foreach (var token in new[] { first, second, third }) Assert.Equal(200, await StatusAsync(mesh, token));
        await RunningMesh.EventuallyAsync("the feed is followed", () => FollowsAsync(mesh));

        await RevokeAsync(mesh, first);
        await RunningMesh.EventuallyAsync("the revoked token is refused", async () => await StatusAsync(mesh, first) == 401);
        Assert.Equal(200, await StatusAsync(mesh, second));

        // Cut: the service goes on with what it knows.
        await KillAuthAsync(mesh);
        Assert.Equal((200, 401), (await StatusAsync(mesh, second), await StatusAsync(mesh, first)));
        await BackAsync(mesh);
        await RunningMesh.EventuallyAsync("the feed is followed again", () => FollowsAsync(mesh));

        // Cut, and something is revoked meanwhile: the service stands still from before auth dies until after that.
        var account = (await mesh.StatusAsync()).Single(instance => instance.Service == "account-service").Pid!.Value;
        Operations.Signal("STOP", account);
        try
        {
            await KillAuthAsync(mesh);
            await BackAsync(mesh);
            await RevokeAsync(mesh, second);
        }
        finally
        {
            Operations.Signal("CONT", account);
        }
        await RunningMesh.EventuallyAsync("what was missed is in force", async () => await StatusAsync(mesh, second) == 401);
        Assert.Equal((401, 200), (await StatusAsync(mesh, first), await StatusAsync(mesh, third)));
    }

    private static async Task<string> TokenAsync(RunningMesh mesh) => (await mesh.TokenAsync("browser", "",
        ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "ui"), ("resource", "mesh://account-service"))).Expect(200).Text("access_token");

    private static async Task<int> StatusAsync(RunningMesh mesh, string token) =>
        (await mesh.GetAsync($"http://127.0.0.1:{mesh.AccountPort}/accounts/current", token)).Status;

    private static async Task<bool> FollowsAsync(RunningMesh mesh) =>
        (await mesh.GetAsync($"http://127.0.0.1:{mesh.AccountPort}/actuator/health")).Json.GetProperty("components").GetProperty("revocations").GetProperty("status").GetString() == "UP";

    private static async Task RevokeAsync(RunningMesh mesh, string token)
    {
        var basic = Convert.ToBase64String("browser:"u8);
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("token", token)]);
        (await mesh.SendAsync(HttpMethod.Post, $"http://127.0.0.1:{mesh.AuthPort}/uaa/oauth/revoke", null, form, ("Authorization", "Basic " + basic))).Expect(200);
    }

    private static async Task KillAuthAsync(RunningMesh mesh) =>
        Operations.Signal("KILL", (await mesh.StatusAsync()).Single(instance => instance.Service == "auth-service").Pid!.Value);

    private static Task<TimeSpan> BackAsync(RunningMesh mesh) => RunningMesh.EventuallyAsync("auth is back", async () =>
        (await mesh.GetAsync($"http://127.0.0.1:{mesh.AuthPort}/uaa/healthz")).Status == (int)HttpStatusCode.OK);
}
