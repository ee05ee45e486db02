using Xunit;

namespace SecureMesh.EndToEnd;

public sealed class Production
{
    [Fact]
    public async Task On_fresh_data_no_demo_client_user_or_secret_works()
    {
        await using var mesh = new RunningMesh("--production");
        var up = await mesh.UpAsync();
        Assert.True(up.ExitCode == 0, up.Output + up.Error);
        (string Client, string Secret)[] clients =
            [("browser", ""), ("account-service", "account-secret"), ("web", "web-secret"), ("admin", "adminsecret"), ("app", "appclientsecret"), ("mesh-cli", ""), ("gateway", ""), ("gateway", "gateway")];

        foreach (var (client, secret) in clients)
        {
            Assert.Equal(401, (await mesh.TokenAsync(client, secret, ("grant_type", "client_credentials"))).Status);
            foreach (var user in new[] { "demo", "admin" })
                Assert.Equal(401, (await mesh.TokenAsync(client, secret, ("grant_type", "password"), ("username", user), ("password", user))).Status);
        }
        Assert.Equal(404, (await mesh.GetAsync("/accounts/demo")).Status);
        Assert.Equal(401, (await mesh.GetAsync("/accounts/current")).Status);
        Assert.Equal(401, (await mesh.GetAsync($"http://127.0.0.1:{mesh.ConfigPort}/gateway/default")).Status);
        Assert.Equal(401, (await mesh.GetAsync($"http://127.0.0.1:{mesh.RegistryPort}/eureka/apps")).Status);
        Assert.Equal(401, (await mesh.GetAsync($"http://127.0.0.1:{mesh.RegistryPort}/eureka/apps", null, ("Authorization", "Basic " + Convert.ToBase64String("account-service:account-secret"u8)))).Status);
        Assert.Equal(200, (await mesh.JsonAsync(HttpMethod.Post, "/accounts/", """{"username":"first1","password":"secret1"}""")).Status);
    }

    [Fact]
    public async Task The_administrator_secret_is_printed_once_and_works()
    {
        await using var mesh = new RunningMesh("--production");
        var up = await mesh.UpAsync();
        Assert.True(up.ExitCode == 0, up.Output + up.Error);
        var secret = System.Text.RegularExpressions.Regex.Match(up.Output, "[A-Za-z0-9_-]{43}").Value;

        (await mesh.TokenAsync("admin", secret, ("grant_type", "client_credentials"))).Expect(200);
        await mesh.DownAsync();
        var again = await mesh.UpAsync();
        Assert.DoesNotMatch("[A-Za-z0-9_-]{43}", again.Output);
        (await mesh.TokenAsync("admin", secret, ("grant_type", "client_credentials"))).Expect(200);
        foreach (var file in Directory.GetFiles(mesh.Data, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock"))
            Assert.DoesNotContain(secret, System.Text.Encoding.Latin1.GetString(await ReadSharedAsync(file)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_data_of_a_demo_it_refuses_and_says_how_to_go_on()
    {
        await using var mesh = new RunningMesh();
        await mesh.StartAsync();
        await mesh.DownAsync();

        var refused = await mesh.UpAsync("--production");
        var removed = await mesh.MeshAsync("remove-demo", "--data", mesh.Data);
        var started = await mesh.UpAsync("--production");

        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("demo", refused.Error, StringComparison.Ordinal);
        Assert.Contains("remove-demo", refused.Error, StringComparison.Ordinal);
        Assert.Equal(0, removed.ExitCode);
        Assert.True(started.ExitCode == 0, started.Output + started.Error);
        Assert.Equal(401, (await mesh.SignInAsync("demo", "demo")).Status);
    }

    private static async Task<byte[]> ReadSharedAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var memory = new MemoryStream();
        await stream.CopyToAsync(memory);
        return memory.ToArray();
    }
}
