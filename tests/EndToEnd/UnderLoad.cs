using System.Globalization;
using SecureMesh.Tests.Support;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>What callers see while instances die, auth is away, configuration changes and tokens are revoked: three gateways, two instances of account.</summary>
public sealed class UnderLoad(UnderLoad.Mesh fixture) : IClassFixture<UnderLoad.Mesh>
{
    private readonly RunningMesh _mesh = fixture.Running;

    [Fact]
    public async Task Killing_one_of_two_instances_shows_no_caller_an_error()
    {
        // The moment of each kill differs, and is the same in each run.
        var random = new Random(4);
        var admin = (await _mesh.TokenAsync("admin", "adminsecret", ("grant_type", "client_credentials"))).Expect(200).Text("access_token");
        using var load = new SteadyLoad(Effort.Rounds(200, 1000), (Url("/accounts/current"), await AcceptedTokenAsync()));
        // In turn, and no more than four times each: an instance that fails five times within two minutes is left down.
        for (var i = 0; i < Effort.Rounds(2, 8); i++)
        {
            var victim = (await InstancesAsync("account-service"))[i % 2];
            var moment = load.Good + random.Next(50, 300);
            await RunningMesh.EventuallyAsync("enough answers", () => Task.FromResult(load.Good >= moment));
            Operations.Signal("KILL", victim.Pid!.Value);
            var after = load.Good;
            await RunningMesh.EventuallyAsync("the instance is back", async () =>
                (await InstancesAsync("account-service")).Any(instance => instance.Port == victim.Port && instance.Pid is { } pid && pid != victim.Pid && instance.State == "up"));
            // Up is the process; the gateway sends it requests when it has registered. The next victim may be the other one.
            await RunningMesh.EventuallyAsync("no instance is left out", async () => (await _mesh.GetAsync("/actuator/health", admin)) is { Status: 200 } health && !health.Body.Contains("ejected", StringComparison.Ordinal));
            await RunningMesh.EventuallyAsync("both get traffic", () => Task.FromResult(load.Good >= after + 100));
        }

        var bad = await load.StopAsync();
        Assert.True(bad.Count == 0, $"{bad.Count} beside {load.Good}: " + string.Join("; ", bad.CountBy(one => one).OrderByDescending(one => one.Value).Take(5).Select(one => $"{one.Value} times {one.Key}"))
            + string.Concat(await Task.WhenAll(load.Refused.Take(3).Select(async id => "\n" + (await _mesh.GetAsync("/actuator/why/" + id, admin)).Body))));
    }

    [Fact]
    public async Task While_auth_is_away_cached_and_new_tokens_work_on_open_routes()
    {
        var known = await AcceptedTokenAsync();
        var unseen = new List<string>();
        for (var i = 0; i < 10; i++) unseen.Add(await _mesh.UserTokenAsync());
        // Both instances of account have heard of the gateway: a mesh that has been up for a while.
        await RunningMesh.EventuallyAsync("every instance takes the gateway's passports", async () =>
            (await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => _mesh.GetAsync("/accounts/current", known)))).All(answer => answer.Status == 200));
        var auth = (await InstancesAsync("auth-service")).Single();
        using var load = new SteadyLoad(Effort.Rounds(50, 200), (Url("/accounts/current"), known), (Url("/accounts/demo"), null));

        // Stopped and not killed: it takes connections and answers none, which is what makes callers hang. In the short run for
        // longer than the feed may be silent.
        Operations.Signal("STOP", auth.Pid!.Value);
        IReadOnlyCollection<string> bad;
        var fresh = new List<int>();
        try
        {
            foreach (var token in unseen)
            {
                fresh.Add((await _mesh.GetAsync("/accounts/current", token)).Status);
                await Task.Delay(TimeSpan.FromSeconds(Effort.Rounds(15, 60)) / unseen.Count, TestContext.Current.CancellationToken);
            }
            bad = await load.StopAsync();
        }
        finally
        {
            Operations.Signal("CONT", auth.Pid!.Value);
        }

        Assert.Empty(bad);
        Assert.All(fresh, status => Assert.Equal(200, status));
        await RunningMesh.EventuallyAsync("auth is back", async () => (await _mesh.SignInAsync("demo", "demo")).Status == 200);
        // What was revoked meanwhile, and what is revoked from now on, counts again.
        await RevokeAsync("token", known);
        await RunningMesh.EventuallyAsync("a revocation counts again", async () => (await _mesh.GetAsync("/accounts/current", known)).Status == 401);
    }

    [Fact]
    public async Task Configuration_pushed_many_times_under_load_fails_no_request_and_refuses_invalid_ones_whole()
    {
        var file = Path.Combine(_mesh.Configuration, "gateway.yml");
        var before = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        var admin = (await _mesh.TokenAsync("admin", "adminsecret", ("grant_type", "client_credentials"))).Expect(200).Text("access_token");
        using var load = new SteadyLoad(Effort.Rounds(100, 400), (Url("/accounts/current"), await AcceptedTokenAsync()), (Url("/accounts/demo"), null), (Url("/uaa/token_keys"), null));
        var valid = "";
        try
        {
            for (var push = 1; push <= Effort.Rounds(10, 100); push++)
            {
                var invalid = push % 5 == 0;
                // A route to a service that is not there: 503 when the route is in force, 404 when it is not.
                var text = With(before, $"    pushed:\n      path: /pushed-{push}/{{**rest}}\n      service: no-such-service\n      access: public\n");
                if (invalid) text = With(text, $"    broken-{push}:\n      path: /broken-{push}/{{**rest}}\n      service: no-such-service\n");
                await ReplaceAsync(file, text);
                if (!invalid)
                {
                    valid = $"/pushed-{push}/x";
                    foreach (var gateway in await GatewaysAsync())
                        await RunningMesh.EventuallyAsync($"push {push} is in force at {gateway}", async () => (await _mesh.GetAsync(gateway + valid)).Status == 503);
                    continue;
                }
                foreach (var gateway in await GatewaysAsync())
                {
                    await RunningMesh.EventuallyAsync($"push {push} is reported at {gateway}", async () =>
                        (await _mesh.GetAsync(gateway + "/actuator/health", admin)).Body.Contains($"broken-{push}", StringComparison.Ordinal));
                    Assert.Equal(404, (await _mesh.GetAsync($"{gateway}/pushed-{push}/x")).Status);
                    Assert.Equal(404, (await _mesh.GetAsync($"{gateway}/broken-{push}/x")).Status);
                    Assert.Equal(503, (await _mesh.GetAsync(gateway + valid)).Status);
                }
            }
        }
        finally
        {
            await ReplaceAsync(file, before);
        }
        await RunningMesh.EventuallyAsync("the old table", async () => (await _mesh.GetAsync(valid)).Status == 404);

        Assert.Empty(await load.StopAsync());
    }

    /// <summary>The figure itself is what bench/gateway/revocation prints; here it may take fifty looks.</summary>
    [Theory]
    [InlineData("token")]
    [InlineData("grant")]
    [InlineData("user")]
    [InlineData("client")]
    [InlineData("key")]
    public async Task A_revoked_token_is_refused_at_every_gateway_within_a_second(string kind)
    {
        for (var round = 0; round < Effort.Rounds(2, 20); round++)
        {
            var tokens = (await _mesh.SignInAsync("demo", "demo")).Expect(200);
            var access = tokens.Text("access_token");
            var other = await _mesh.ServerTokenAsync();
            var gateways = await GatewaysAsync();
            foreach (var gateway in gateways)
            {
                // Remembered by each gateway, so that it is the remembered one that is refused.
                await RunningMesh.EventuallyAsync("accepted at " + gateway, async () => (await _mesh.GetAsync(gateway + "/accounts/current", access)).Status == 200);
                await RunningMesh.EventuallyAsync("accepted at " + gateway, async () => (await _mesh.GetAsync(gateway + "/accounts/demo2", other)).Status == 404);
            }

            await RevokeAsync(kind, kind == "grant" ? tokens.Text("refresh_token") : access);

            foreach (var gateway in gateways)
            {
                var looks = 0;
                while (!await IsRefusedAsync(gateway, access))
                {
                    Assert.True(++looks < 50, $"{gateway} still accepts what was revoked ({kind})");
                    await Task.Delay(20, TestContext.Current.CancellationToken);
                }
                Assert.Equal(kind == "key" ? 401 : 404, (await _mesh.GetAsync(gateway + "/accounts/demo2", other)).Status);
            }
        }
    }

    private async Task<bool> IsRefusedAsync(string gateway, string token)
    {
        try
        {
            return (await _mesh.GetAsync(gateway + "/accounts/current", token)).Status == 401;
        }
        catch (HttpRequestException)
        {
            return false; // under way when the revocation came: cut off instead of answered
        }
    }

    // Another test may have replaced the keys a moment ago.
    private async Task<string> AcceptedTokenAsync()
    {
        var token = await _mesh.UserTokenAsync();
        await RunningMesh.EventuallyAsync("the token is accepted", async () => (await _mesh.GetAsync("/accounts/current", token)).Status == 200);
        return token;
    }

    private async Task RevokeAsync(string kind, string token)
    {
        if (kind is "token" or "grant")
        {
            (await _mesh.TokenRequestAsync("/uaa/oauth/revoke", "browser", "", ("token", token))).Expect(200);
            return;
        }
        var admin = (await _mesh.TokenAsync("admin", "adminsecret", ("grant_type", "client_credentials"))).Expect(200).Text("access_token");
        var path = kind switch
        {
            "user" => "/uaa/oauth/token/revoke/user/" + (await _mesh.GetAsync("/uaa/Users?filter=userName+eq+%22demo%22", admin)).Expect(200).Json.GetProperty("resources")[0].GetProperty("id").GetString(),
            "client" => "/uaa/oauth/token/revoke/client/browser",
            "key" => "/uaa/keys/rotate",
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        (await _mesh.JsonAsync(HttpMethod.Post, path, kind == "key" ? """{"emergency":true}""" : "", admin)).Expect(200);
    }

    private Uri Url(string path) => new(_mesh.Url, path);

    private async Task<IReadOnlyList<Instance>> InstancesAsync(string service) => [.. (await _mesh.StatusAsync()).Where(instance => instance.Service == service)];

    private async Task<IReadOnlyList<string>> GatewaysAsync() =>
        [.. (await InstancesAsync("gateway")).Select(instance => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{instance.Port}"))];

    private static string With(string configuration, string route)
    {
        const string routes = "\n  routes:\n";
        var at = configuration.IndexOf(routes, StringComparison.Ordinal) + routes.Length;
        return configuration.Insert(at, route);
    }

    // As a deployment does it: nobody reads half a file.
    private static async Task ReplaceAsync(string file, string text)
    {
        await File.WriteAllTextAsync(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>Started once for all tests of this class; each leaves it as it was.</summary>
    public sealed class Mesh : IAsyncLifetime
    {
        internal RunningMesh Running { get; } = new("--instances", "gateway=3,account=2");

        public async ValueTask InitializeAsync() => await Running.StartAsync();

        public ValueTask DisposeAsync() => Running.DisposeAsync();
    }
}
