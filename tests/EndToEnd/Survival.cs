using System.Collections.Concurrent;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>Processes that die, and what was written before they did.</summary>
public sealed class Survival
{
    [Fact]
    public async Task Any_service_that_is_killed_is_back_and_the_others_answer_meanwhile()
    {
        await using var mesh = new RunningMesh();
        await mesh.StartAsync();
        string[] names = ["account-service", "auth-service", "registry", "config", "gateway"];
        var services = Enumerable.Repeat(names, Effort.Rounds(1, 6)).SelectMany(round => round);

        foreach (var service in services)
        {
            var token = await mesh.UserTokenAsync();
            var victim = (await mesh.StatusAsync()).Single(instance => instance.Service == service);
            using var stop = new CancellationTokenSource();
            var bad = new ConcurrentBag<string>();
            var load = Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    // What the killed service has no part in must go on: its own port answers for the others.
                    var path = service switch
                    {
                        "account-service" => "/uaa/token_keys",
                        "gateway" => $"http://127.0.0.1:{mesh.AccountPort}/accounts/demo",
                        _ => "/accounts/current",
                    };
                    var answer = await mesh.GetAsync(path, path.StartsWith('/') ? token : null);
                    if (answer.Status != 200) bad.Add($"{service} dead, {path}: {answer.Status} {answer.Body}");
                    await Task.Delay(20);
                }
            }, TestContext.Current.CancellationToken);

            Operations.Signal("KILL", victim.Pid!.Value);
            await RunningMesh.EventuallyAsync(service + " is back", async () =>
                (await mesh.StatusAsync()).Any(instance => instance.Service == service && instance.Pid is { } pid && pid != victim.Pid && instance.State == "up"));
            await RunningMesh.EventuallyAsync("sign-in and account", async () => (await mesh.SignInAsync("demo", "demo")).Status == 200 && (await mesh.GetAsync("/accounts/current", token)).Status == 200);
            await stop.CancelAsync();
            await load;

            Assert.Empty(bad);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_answered_survives_a_kill_of_everything_and_a_new_start(bool postgres)
    {
        await using var database = postgres ? await PostgresDatabase.CreateAsync() : null;
        await using var mesh = new RunningMesh(database is null ? [] : ["--database", database.ConnectionString]);
        await mesh.StartAsync();
        var registered = new ConcurrentBag<string>();
        var refresh = new ConcurrentDictionary<string, string>();
        var writers = Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            try
            {
                for (var i = 0; i < 500; i++)
                {
                    var name = $"w{writer}n{i}";
                    var created = await mesh.JsonAsync(HttpMethod.Post, "/accounts/", $$"""{"username":"{{name}}","password":"secret1"}""");
                    if (created.Status != 200) continue;
                    registered.Add(name);
                    var session = await mesh.SignInAsync(name, "secret1");
                    if (session.Status == 200) refresh[name] = session.Text("refresh_token");
                }
            }
            catch (HttpRequestException)
            {
                // The mesh was killed under the writer; what had been answered before counts.
            }
        })).ToList();
        await RunningMesh.EventuallyAsync("a few registrations", () => Task.FromResult(refresh.Count >= Effort.Rounds(12, 40)), TimeSpan.FromMinutes(1));

        var status = await mesh.StatusAsync();
        var supervisor = int.Parse(await File.ReadAllTextAsync(Path.Combine(mesh.Data, "mesh.pid"), TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);
        foreach (var pid in status.Select(instance => instance.Pid!.Value).Prepend(supervisor)) Operations.Signal("KILL", pid);
        await Task.WhenAll(writers);
        await mesh.StartAsync();

        foreach (var name in registered)
            Assert.Equal(name, (await mesh.GetAsync("/accounts/current", await mesh.UserTokenAsync(name, "secret1"))).Expect(200).Text("name"));
        foreach (var (_, token) in refresh)
            (await mesh.TokenAsync("browser", "", ("grant_type", "refresh_token"), ("refresh_token", token))).Expect(200);
        Assert.True(registered.Count >= 12);
    }

    [Fact]
    public async Task Nothing_is_left_when_the_supervisor_itself_is_killed()
    {
        await using var mesh = new RunningMesh();
        await mesh.StartAsync();
        var pids = (await mesh.StatusAsync()).Select(instance => instance.Pid!.Value).ToList();
        var supervisor = int.Parse(await File.ReadAllTextAsync(Path.Combine(mesh.Data, "mesh.pid"), TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);

        Operations.Signal("KILL", supervisor);

        await RunningMesh.EventuallyAsync("all children gone", () => Task.FromResult(pids.All(pid => !Directory.Exists($"/proc/{pid}"))), TimeSpan.FromSeconds(10));
        Assert.Equal(0, (await mesh.UpAsync()).ExitCode);
    }
}
