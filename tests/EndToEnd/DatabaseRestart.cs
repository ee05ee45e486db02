using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace SecureMesh.EndToEnd;

/// <summary>The database goes away under two instances of auth that work, and comes back.</summary>
public sealed class DatabaseRestart
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_instances_say_503_while_their_database_is_away_lose_nothing_and_recover_by_themselves()
    {
        await using var server = await OwnPostgres.StartedAsync();
        await using var mesh = new RunningMesh("--database", server.ConnectionString, "--instances", "auth=2");
        // An answer that the database lost on its way is asked for again, however long the machine takes to bring it back.
        var settings = Path.Combine(mesh.Configuration, "auth-service.yml");
        await File.WriteAllTextAsync(settings, (await File.ReadAllTextAsync(settings, Cancel)).Replace("refreshTokenGrace: 10s", "refreshTokenGrace: 60s", StringComparison.Ordinal), Cancel);
        await mesh.StartAsync();
        var before = await InstancesAsync(mesh);
        Assert.Equal(2, before.Count);
        var load = new Load(mesh, [.. before.Select(instance => instance.Port)]);
        await load.BeginAsync();

        foreach (var mode in new[] { "fast", "immediate" })
        {
            // 1. Both work.
            var running = load.RunAsync();
            await load.UntilAsync("work at both instances", load.Accepted, 20);
            // 2. The database ends in the middle of it: refusals, each with the time to come again.
            await server.StopAsync(mode);
            await load.UntilAsync("refusals of both instances", load.Refused, 20);
            // 3. It is back: so are they.
            await server.StartAsync();
            await load.UntilAsync("work at both instances again", load.Accepted, 20);
            load.Stop();
            await running;
            // 4. What was answered is there, at either instance.
            Assert.Empty(load.Faults);
            await load.CheckAsync();
        }

        Assert.Equal(before, await InstancesAsync(mesh));
    }

    private static async Task<IReadOnlyList<Instance>> InstancesAsync(RunningMesh mesh) =>
        [.. (await mesh.StatusAsync()).Where(instance => instance.Service == "auth-service").OrderBy(instance => instance.Number)];

    /// <summary>Every kind of work that auth keeps in the database, at both instances; what was acknowledged is noted.</summary>
    private sealed class Load(RunningMesh mesh, int[] ports)
    {
        private const int Chains = 4;
        private readonly string[] _chains = new string[Chains];
        private readonly ConcurrentBag<string> _issued = [];
        private readonly ConcurrentBag<string> _revoked = [];
        private volatile bool _stopped;

        public ConcurrentDictionary<int, int> Accepted { get; } = new();

        public ConcurrentDictionary<int, int> Refused { get; } = new();

        public ConcurrentQueue<string> Faults { get; } = [];

        public async Task BeginAsync()
        {
            for (var i = 0; i < Chains; i++)
            {
                var signedIn = await SendAsync(ports[i % ports.Length], "/uaa/oauth/token", "browser:", "grant_type=password&username=demo&password=demo&scope=ui");
                _chains[i] = signedIn!.Expect(200).Text("refresh_token");
            }
        }

        public Task RunAsync()
        {
            _stopped = false;
            var workers = Enumerable.Range(0, Chains).Select(RefreshAsync).ToList();
            foreach (var port in ports) workers.AddRange([IssueAsync(port), RevokeAsync(port), AskAsync(port)]);
            return Task.WhenAll(workers);
        }

        public void Stop() => _stopped = true;

        /// <summary>Waits until each instance has given so many more of these answers.</summary>
        public async Task UntilAsync(string what, ConcurrentDictionary<int, int> answers, int more)
        {
            var from = ports.ToDictionary(port => port, port => answers.GetValueOrDefault(port));
            await RunningMesh.EventuallyAsync(what, () => Task.FromResult(!Faults.IsEmpty || ports.All(port => answers.GetValueOrDefault(port) >= from[port] + more)), TimeSpan.FromMinutes(2));
        }

        public async Task CheckAsync()
        {
            foreach (var port in ports)
            {
                for (var i = 0; i < Chains; i++)
                {
                    var answer = await SendAsync(port, "/uaa/oauth/token", "browser:", "grant_type=refresh_token&refresh_token=" + _chains[i]);
                    Assert.True(answer?.Status == 200, $"the last answer of chain {i} is lost: {answer?.Body}");
                    _chains[i] = answer!.Text("refresh_token");
                }
                await Parallel.ForEachAsync(_issued, Cancel, async (token, _) => Assert.True(await IsActiveAsync(port, token), "an issued token is lost"));
                await Parallel.ForEachAsync(_revoked, Cancel, async (token, _) => Assert.False(await IsActiveAsync(port, token), "a revocation is lost"));
            }
            Assert.NotEmpty(_issued);
            Assert.NotEmpty(_revoked);
            _issued.Clear();
            _revoked.Clear();
        }

        // Each refresh at the other instance than the last; a refused one is asked again with the same token.
        private async Task RefreshAsync(int chain)
        {
            for (var i = chain; !_stopped; i++)
            {
                var answer = await SendAsync(ports[i % ports.Length], "/uaa/oauth/token", "browser:", "grant_type=refresh_token&refresh_token=" + _chains[chain]);
                if (answer?.Status == 200) _chains[chain] = answer.Text("refresh_token");
            }
        }

        private async Task IssueAsync(int port)
        {
            while (!_stopped)
                if (await OpaqueAsync(port) is { } token) _issued.Add(token);
        }

        private async Task RevokeAsync(int port)
        {
            while (!_stopped)
            {
                if (await OpaqueAsync(port) is not { } token) continue;
                if ((await SendAsync(port, "/uaa/oauth/revoke", "account-service:account-secret", "token=" + token))?.Status == 200) _revoked.Add(token);
            }
        }

        // What only reads, or reads and writes nothing that counts.
        private async Task AskAsync(int port)
        {
            while (!_stopped)
            {
                await SendAsync(port, "/uaa/oauth/token", "admin:adminsecret", "grant_type=client_credentials");
                await SendAsync(port, "/uaa/oauth/device_authorization", null, "client_id=mesh-cli&scope=ui");
                await SendAsync(port, "/uaa/oauth/token", "browser:", "grant_type=password&username=demo&password=demo&scope=ui");
            }
        }

        private async Task<string?> OpaqueAsync(int port) =>
            await SendAsync(port, "/uaa/oauth/token", "account-service:account-secret", "grant_type=client_credentials&token_format=opaque") is { Status: 200 } answer ? answer.Text("access_token") : null;

        private async Task<bool> IsActiveAsync(int port, string token) =>
            (await SendAsync(port, "/uaa/introspect", "account-service:account-secret", "token=" + token))!.Expect(200).Json.GetProperty("active").GetBoolean();

        /// <summary>Null when there was no whole answer, which is a fault.</summary>
        private async Task<Answer?> SendAsync(int port, string path, string? client, string form)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}{path}") { Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded") };
            if (client is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(client)));
            try
            {
                using var response = await mesh.Http.SendAsync(request, Cancel);
                var answer = await Answer.FromAsync(response);
                if (answer.Status == 200) Accepted.AddOrUpdate(port, 1, (_, count) => count + 1);
                else if (answer.Status == 503 && answer.Header("Retry-After") is not null) Refused.AddOrUpdate(port, 1, (_, count) => count + 1);
                else Faults.Enqueue($"{path} {form}: {answer.Status} {answer.Body}");
                // Bounded load, and whoever is told to come again later does not come at once.
                await Task.Delay(answer.Status == 200 ? 5 : 25, Cancel);
                return answer;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
            {
                Faults.Enqueue($"{path} {form}: no answer: {e.Message}");
                return null;
            }
        }
    }
}
