using System.Text.Json;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>Every refusal says by its id why, at whichever of two gateways and at the service behind them; <c>./mesh why</c> and <c>./mesh policy test</c>.</summary>
public sealed class ExplainsItself : IAsyncLifetime
{
    private readonly RunningMesh _mesh = new("--instances", "gateway=2,account=2");
    private readonly TemporaryFolder _home = new();

    public async ValueTask InitializeAsync() => await _mesh.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _mesh.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Broken_requests_are_explained_at_both_gateways_and_at_the_service_and_tried_without_being_sent()
    {
        var user = (await _mesh.SignInAsync("demo", "demo", "openid ui")).Expect(200);
        var token = user.Text("access_token");
        var narrowed = (await _mesh.TokenAsync("browser", "", ("grant_type", "password"), ("username", "demo"), ("password", "demo"), ("scope", "ui"), ("resource", "mesh://account-service"))).Expect(200).Text("access_token");
        var revoked = await _mesh.UserTokenAsync();
        (await _mesh.TokenAsync("browser", "", ("grant_type", "password"), ("username", "demo"), ("password", "canary-wrong-password"))).Expect(401);
        (await _mesh.SendAsync(HttpMethod.Post, "/uaa/oauth/revoke", null, new FormUrlEncodedContent([new("token", revoked), new("client_id", "browser"), new("client_secret", "")]))).Expect(200);

        (string Path, string? Token, int Status, string Reason, string Cause)[] broken =
        [
            ("/accounts/current?access_token=canary-in-the-query", null, 401, "credential_missing", "no credential"),
            ("/accounts/current", "canaryopaque", 401, "", ""),
            ("/accounts/current", token[..^4] + "AAAA", 401, "credential_invalid", ""),
            ("/accounts/current", user.Text("id_token"), 401, "credential_invalid", "typ"),
            ("/accounts/current", narrowed, 401, "credential_invalid", "made for mesh://account-service, not for mesh://gateway"),
            ("/accounts/current", (await _mesh.UserTokenAsync(scope: "openid")), 403, "scope_missing", "wants any of ui server; the caller holds openid"),
            ("/accounts/current", revoked, 401, "credential_invalid", "revoked by its"),
            ("/no/such/path", token, 404, "route_missing", "no route has this path and method"),
            ("/accounts/a%2fb", token, 400, "request_refused", "an escape that is not accepted here"),
            ("/accounts/stranger1", token, 403, "service_refused", ""),
        ];
        var second = (await _mesh.StatusAsync()).Single(instance => instance is { Service: "gateway", Number: 2 });
        foreach (var gateway in new[] { _mesh.Url, new Uri($"http://127.0.0.1:{second.Port}") })
        {
            foreach (var (path, shown, status, reason, cause) in broken)
            {
                var refused = await RefusedAsync(new Uri(gateway, path), shown, status);
                var why = await WhyAsync(refused.Header("X-Trace-Id")!, "--output", "json");
                Assert.True(why.ExitCode == 0, $"{path}: {why.Error}");
                var json = JsonDocument.Parse(why.Output).RootElement;
                if (reason.Length > 0) Assert.Equal(reason, json.GetProperty("reason").GetString());
                Assert.Contains(cause, json.GetProperty("cause").GetString(), StringComparison.Ordinal);
                Assert.NotEmpty(json.GetProperty("fix").GetString()!);
                AssertNoSecret(why.Output, shown);
            }
        }

        // 1. In words: the cause on top, the checks, the fix at the end; of a service that refuses by itself its own word.
        var stranger = await _mesh.GetAsync("/accounts/stranger1", token);
        Ended told = null!;
        await RunningMesh.EventuallyAsync("the service tells too", async () => (told = await WhyAsync(stranger.Header("X-Trace-Id")!)).Output.Contains("account-service at", StringComparison.Ordinal));
        Assert.Equal(0, told.ExitCode);
        Assert.StartsWith("403 (service_refused): ", told.Output, StringComparison.Ordinal);
        Assert.Contains("\u2713 scopes", told.Output, StringComparison.Ordinal);
        Assert.Contains("\u2717 service", told.Output, StringComparison.Ordinal);
        Assert.StartsWith("fix: ", told.Output.TrimEnd('\n').Split('\n')[^1], StringComparison.Ordinal);

        var clients = (await _mesh.GetAsync("/uaa/oauth/clients", token)).Expect(403);
        await RunningMesh.EventuallyAsync("auth tells too", async () => (await WhyAsync(clients.Header("X-Trace-Id")!)).Output.Contains("auth-service at", StringComparison.Ordinal));

        // 2. Nobody else is told, and an unknown id is 1.
        Assert.Equal(3, (await MeshAsync([], "why", new string('0', 32))).ExitCode);
        Assert.Equal(4, (await MeshAsync(new() { ["MESH_TOKEN"] = token }, "why", new string('0', 32))).ExitCode);
        Assert.Equal(1, (await WhyAsync(new string('0', 32))).ExitCode);

        // 3. Without sending it.
        var file = _home.Write("token", narrowed + "\n");
        var tried = await AsAdminAsync("why", "--token-file", file, "--route", "GET /accounts/current");
        Assert.Equal(1, tried.ExitCode);
        Assert.Contains("the token was made for mesh://account-service, not for mesh://gateway", tried.Output, StringComparison.Ordinal);
        Assert.Contains("leave `resource` out", tried.Output, StringComparison.Ordinal);
        AssertNoSecret(tried.Output, narrowed);
        Assert.Equal(0, (await AsAdminAsync("why", "--token-file", _home.Write("good", token), "--route", "/accounts/current")).ExitCode);

        // 4. Before it is in force.
        var good = await _mesh.MeshAsync("policy", "test", Path.Combine(_mesh.Configuration, "gateway.yml"), "--request", "GET /accounts/current", "--scopes", "ui");
        Assert.True(good.ExitCode == 0, good.Output + good.Error);
        Assert.Matches(@"(?m)^accounts +all +/accounts/\{\*\*rest\} +account-service +any of ui server", good.Output);
        Assert.Equal(1, (await _mesh.MeshAsync("policy", "test", _mesh.Configuration, "--request", "GET /accounts/current", "--scopes", "openid")).ExitCode);
        var yaml = await File.ReadAllTextAsync(Path.Combine(_mesh.Configuration, "gateway.yml"), TestContext.Current.CancellationToken);
        var changed = _home.Write("changed.yml", yaml.Replace("scopes: [ui, server]", "scopes: [\"*\"]", StringComparison.Ordinal).Replace("idleTimeout: \"00:05:00\"", "idleTimeout: \"00:00:00\"", StringComparison.Ordinal));
        var bad = await _mesh.MeshAsync("policy", "test", changed, "--output", "json");
        Assert.Equal(1, bad.ExitCode);
        var faults = JsonDocument.Parse(bad.Output).RootElement.GetProperty("faults").EnumerateArray().Select(fault => fault.GetProperty("key").GetString()).ToList();
        Assert.Equal(["gateway:routes:accounts:scopes", "gateway:idleTimeout"], faults);
        Assert.Equal(1, (await _mesh.MeshAsync("policy", "test", _home.Write("broken.yml", "a: [1\n"))).ExitCode);
        // The demo has a client for passwords; without it one must be named.
        var passwords = _home.Write("passwords.yml", yaml.Replace("scopes: [ui, server]", "scopes: [ui, server]\n      credentials: [basic]", StringComparison.Ordinal));
        Assert.Equal(0, (await _mesh.MeshAsync("policy", "test", passwords)).ExitCode);
        Assert.Equal(1, (await _mesh.MeshAsync("policy", "test", passwords, "--production")).ExitCode);

        // 5. In no log.
        foreach (var log in Directory.GetFiles(Path.Combine(_mesh.Data, "logs")))
        {
            var text = await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken);
            foreach (var shown in broken.Select(request => request.Token)) AssertNoSecret(text, shown);
        }
    }

    private static void AssertNoSecret(string text, string? token)
    {
        Assert.DoesNotContain("canary", text, StringComparison.Ordinal);
        foreach (var part in (token ?? "").Split('.').Skip(1)) Assert.DoesNotContain(part[..16], text, StringComparison.Ordinal);
    }

    private async Task<Answer> RefusedAsync(Uri address, string? token, int status)
    {
        Answer answer = null!;
        // A revocation takes a moment.
        await RunningMesh.EventuallyAsync($"{status} from {address.AbsolutePath}", async () => (answer = await _mesh.GetAsync(address.OriginalString, token, ("Cookie", "SESSION=canary-cookie"))).Status == status);
        return answer;
    }

    private Task<Ended> WhyAsync(string id, params string[] more) => AsAdminAsync(["why", id, "--data", _mesh.Data, .. more]);

    private Task<Ended> AsAdminAsync(params string[] arguments) => MeshAsync(new() { ["MESH_CLIENT_SECRET"] = "adminsecret" }, arguments);

    private Task<Ended> MeshAsync(Dictionary<string, string> environment, params string[] arguments) => Repository.RunAsync(
        Path.Combine(Repository.Root, "mesh"), arguments, _home.Path,
        environment: new Dictionary<string, string>(environment) { ["MESH_URL"] = _mesh.Url.OriginalString, ["MESH_CREDENTIALS"] = Path.Combine(_home.Path, "credentials.json") });
}
