using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace SecureMesh.EndToEnd;

[Collection(nameof(DemoMesh))]
public sealed partial class Operations(DemoMesh demo)
{
    private readonly RunningMesh _mesh = demo.Mesh;

    [Fact]
    public async Task One_trace_id_goes_from_the_gateway_to_the_service_and_back()
    {
        var answer = (await _mesh.GetAsync("/accounts/current", await _mesh.UserTokenAsync())).Expect(200);
        var trace = answer.Header("X-Trace-Id")!;

        await RunningMesh.EventuallyAsync("the trace id in both logs", () => Task.FromResult(
            Logs("gateway").Any(line => line.Contains(trace, StringComparison.Ordinal)) &&
            Logs("account-service").Any(line => line.Contains(trace, StringComparison.Ordinal))));
        Assert.Matches("^[0-9a-f]{32}$", trace);
    }

    [Fact]
    public async Task Logs_are_JSON_lines_and_hold_no_secret()
    {
        var answer = (await _mesh.SignInAsync("admin", "admin", "openid ui")).Expect(200);
        var access = answer.Text("access_token");
        await _mesh.SignInAsync("admin", "a-wrong-password-9");
        await _mesh.GetAsync("/accounts/current?access_token=" + access);
        await _mesh.JsonAsync(HttpMethod.Post, "/accounts/", """{"username":"logtest","password":"never-logged-7"}""");
        await _mesh.GetAsync("/accounts/current", access + "x");

        foreach (var service in new[] { "gateway", "auth-service", "account-service", "config", "registry" })
        {
            foreach (var line in Logs(service))
            {
                Assert.True(line.StartsWith('{'), $"{service}: {line}");
                using var json = JsonDocument.Parse(line);
                foreach (var secret in new[] { access, access.Split('.')[2], answer.Text("refresh_token"), "account-secret", "a-wrong-password-9", "never-logged-7", "adminsecret" })
                    Assert.DoesNotContain(secret, line, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Every_service_reports_its_health_with_its_dependencies()
    {
        foreach (var port in new[] { _mesh.AuthPort, _mesh.AccountPort, _mesh.ConfigPort, _mesh.RegistryPort })
        {
            var health = (await _mesh.GetAsync($"http://127.0.0.1:{port}/actuator/health")).Expect(200);
            Assert.Equal("UP", health.Text("status"));
            Assert.True(health.Json.TryGetProperty("components", out _), health.Body);
        }
        var account = (await _mesh.GetAsync($"http://127.0.0.1:{_mesh.AccountPort}/actuator/health")).Json.GetProperty("components");
        Assert.Equal("UP", account.GetProperty("db").GetProperty("status").GetString());
        Assert.Equal("UP", account.GetProperty("config").GetProperty("status").GetString());
        Assert.Equal("UP", account.GetProperty("registry").GetProperty("status").GetString());

        var admin = await _mesh.TokenAsync("admin", "adminsecret", ("grant_type", "client_credentials"));
        Assert.DoesNotContain("components", (await _mesh.GetAsync("/actuator/health")).Expect(200).Body, StringComparison.Ordinal);
        Assert.Contains("components", (await _mesh.GetAsync("/actuator/health", admin.Expect(200).Text("access_token"))).Expect(200).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_route_is_in_force_without_being_asked_for_and_a_broken_one_changes_nothing()
    {
        var file = Path.Combine(_mesh.Configuration, "gateway.yml");
        var before = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(404, (await _mesh.GetAsync("/added/x")).Status);
        try
        {
            var routes = RoutesLine().Match(before);
            const string added = "\n    added:\n      path: /added/{**rest}\n      service: no-such-service\n      access: public\n";
            await File.WriteAllTextAsync(file, before.Insert(routes.Index + routes.Length, added), TestContext.Current.CancellationToken);
            // Pushed: whoever asks now and then asks every 30 seconds.
            await RunningMesh.EventuallyAsync("the new route", async () => (await _mesh.GetAsync("/added/x")).Status == 503, TimeSpan.FromSeconds(15));

            await File.WriteAllTextAsync(file, before.Insert(routes.Index + routes.Length, added.Replace("access: public", "timeout: 3s", StringComparison.Ordinal)), TestContext.Current.CancellationToken);
            await RunningMesh.EventuallyAsync("the refusal in the log", () => Task.FromResult(Logs("gateway").Any(line => line.Contains("added", StringComparison.Ordinal) && line.Contains("\"Error\"", StringComparison.Ordinal))));
            Assert.Equal(503, (await _mesh.GetAsync("/added/x")).Status);
            Assert.Equal(200, (await _mesh.GetAsync("/accounts/demo")).Status);
        }
        finally
        {
            await File.WriteAllTextAsync(file, before, TestContext.Current.CancellationToken);
        }
        await RunningMesh.EventuallyAsync("the old table", async () => (await _mesh.GetAsync("/added/x")).Status == 404);
    }

    [Fact]
    public async Task Both_account_instances_get_traffic_and_one_that_stops_is_not_missed()
    {
        var accounts = (await _mesh.StatusAsync()).Where(instance => instance.Service == "account-service").ToList();
        Assert.Equal(2, accounts.Count);
        var token = await _mesh.UserTokenAsync();
        using var stop = new CancellationTokenSource();
        var failures = new List<string>();
        var load = Task.Run(async () =>
        {
            var count = 0;
            while (!stop.IsCancellationRequested && count < 20_000)
            {
                var answer = await _mesh.GetAsync("/accounts/current", token);
                if (answer.Status != 200) failures.Add($"{answer.Status} {answer.Body}");
                count++;
                await Task.Delay(5);
            }
            return count;
        }, TestContext.Current.CancellationToken);

        var before = accounts.ToDictionary(instance => instance.Port, AccessLines);
        await RunningMesh.EventuallyAsync("traffic at both", () => Task.FromResult(accounts.All(instance => AccessLines(instance) > before[instance.Port] + 5)));
        Signal("TERM", accounts[1].Pid!.Value);
        await RunningMesh.EventuallyAsync("the instance is back", async () =>
            (await _mesh.StatusAsync()).Any(instance => instance.Port == accounts[1].Port && instance.Pid is { } pid && pid != accounts[1].Pid && instance.State == "up"));
        var again = AccessLines(accounts[1]);
        await RunningMesh.EventuallyAsync("traffic at the new one", () => Task.FromResult(AccessLines(accounts[1]) > again));
        await stop.CancelAsync();

        Assert.True(await load > 50);
        Assert.Empty(failures);
    }

    private IEnumerable<string> Logs(string service) => Directory.GetFiles(Path.Combine(_mesh.Data, "logs"))
        .Where(file => Path.GetFileName(file).StartsWith(service, StringComparison.Ordinal))
        .SelectMany(ReadShared);

    private int AccessLines(Instance instance)
    {
        var name = instance.Number == 1 ? "account-service.log" : $"account-service-{instance.Number}.log";
        return ReadShared(Path.Combine(_mesh.Data, "logs", name)).Count(line => line.Contains("/accounts/current", StringComparison.Ordinal));
    }

    internal static List<string> ReadShared(string file)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return [.. reader.ReadToEnd().Split('\n').SkipLast(1)];
    }

    internal static void Signal(string signal, int pid) => System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{pid}"])!.WaitForExit();

    [GeneratedRegex(@"^  routes:[^\n]*$", RegexOptions.Multiline)]
    private static partial Regex RoutesLine();
}
